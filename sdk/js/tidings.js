/*
 * tidings.js: the tracker for web pages. It tells the collector who a visitor is and what they do.
 *
 *   <script async src="https://t.shop.example/tidings.js" data-write-key="wk_web"></script>
 *
 * Methods and wire format are those of Segment's specification. The life of an event in here: a method call or an
 * observation -> event() -> queue (with a copy in localStorage) -> deliver() -> POST /v1/batch. An event is forgotten
 * only when the server has answered, and its messageId never changes, so sending it twice does no harm.
 *
 * ES2017, no dependency. `node build.mjs` makes the file that the collector serves.
 */
(function () {
  'use strict';

  const warn = (...words) => console.warn('tidings:', ...words);
  const script = document.currentScript || document.querySelector('script[data-write-key]');
  const setting = (name, fallback) => (script && script.getAttribute('data-' + name)) || fallback;
  const stub = window.tidings;
  if (stub && !Array.isArray(stub)) return; // loaded twice: the first one goes on
  if (!setting('write-key')) return warn('the script tag needs a data-write-key; nothing is sent');

  const WRITE_KEY = setting('write-key');
  const BATCH_URL = setting('api-host', new URL(script.src).origin).replace(/\/+$/, '') + '/v1/batch';
  const BATCH_EVENTS = 20;
  const BATCH_WAIT_MS = 500;
  const QUIET_MS = 20; // what happens at once goes together; a click that leaves the page finds little left to send again
  const BATCH_BYTES = 60000; // browsers refuse keepalive requests and beacons of more than 64 KiB
  const EVENT_BYTES = 32768; // the collector's limit for one event
  const QUEUE_EVENTS = 200;
  const ANSWER_MS = 30000;
  const RETRY_FIRST_MS = 500;
  const RETRY_MOST_MS = 60000;
  const RETRY_AFTER_MOST_MS = 3600000;
  const YEAR_S = 31536000;

  const ANONYMOUS_ID = 'tidings_anonymous_id';
  const USER_ID = 'tidings_user_id';
  const WAIT_UNTIL = 'tidings_wait_until';
  const UNSENT = `tidings_unsent_${WRITE_KEY}_`;

  const bytes = text => new Blob([text]).size;
  const isObject = value => value !== null && typeof value === 'object';

  /** A version 4 UUID. (crypto.randomUUID exists on https pages only.) */
  function uuid() {
    const random = crypto.getRandomValues(new Uint8Array(16));
    random[6] = (random[6] & 15) | 64;
    random[8] = (random[8] & 63) | 128;
    const hex = Array.from(random, byte => (byte + 256).toString(16).slice(1)).join('');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  }

  // ---- what is remembered between pages -------------------------------------------------------------------------

  /** localStorage, or null where the browser does not let us have it. */
  function openStorage() {
    try {
      localStorage.setItem('tidings_try', '1');
      localStorage.removeItem('tidings_try');
      return localStorage;
    } catch (blocked) {
      return null;
    }
  }

  const storage = openStorage();
  const memory = {}; // what localStorage could not take

  const recall = name => (storage && storage.getItem(name)) || memory[name] || '';

  /** Keeps a text; the empty one is forgotten. */
  function remember(name, value) {
    delete memory[name];
    try {
      if (value) storage.setItem(name, value);
      else storage.removeItem(name);
    } catch (blockedOrFull) {
      memory[name] = value;
    }
  }

  /** An id is kept in a first-party cookie when there is no localStorage. */
  function rememberId(name, value) {
    remember(name, value);
    if (!storage) setCookie(name, value);
  }

  function setCookie(name, value) {
    const secure = location.protocol === 'https:' ? '; Secure' : '';
    const rest = `; Path=/; Max-Age=${value ? YEAR_S : 0}; SameSite=Lax${secure}`;
    try {
      document.cookie = name + '=' + encodeURIComponent(value) + rest;
    } catch (blocked) {
      // A sandboxed frame: the id lives as long as the page.
    }
  }

  function getCookie(name) {
    try {
      const found = document.cookie.split('; ').find(pair => pair.startsWith(name + '='));
      return found ? decodeURIComponent(found.slice(name.length + 1)) : '';
    } catch (blockedOrDamaged) {
      return '';
    }
  }

  if (!storage) [ANONYMOUS_ID, USER_ID].forEach(name => remember(name, getCookie(name)));

  const userId = () => recall(USER_ID);

  function anonymousId() {
    if (!recall(ANONYMOUS_ID)) rememberId(ANONYMOUS_ID, uuid());
    return recall(ANONYMOUS_ID);
  }

  // ---- the queue ------------------------------------------------------------------------------------------------

  /** Entries are [messageId, the event's JSON]. */
  const queue = [];
  const underWay = new Set(); // entries in a request that has not been answered

  /** The stored copy. Each page has its own, because two tabs cannot change one text without losing events. */
  const copyName = UNSENT + uuid();

  function storeQueue() {
    if (storage) remember(copyName, queue.length ? JSON.stringify(queue) : '');
  }

  /** What earlier pages could not send. A page that still lives sends its events too: their ids make that harmless. */
  function adoptCopies() {
    const names = storage ? Object.keys(storage).filter(name => name.startsWith(UNSENT)) : [];
    names.forEach(name => queue.push(...storedEntries(name)));
    queue.splice(0, queue.length - QUEUE_EVENTS);
    storeQueue();
    names.forEach(name => remember(name, ''));
  }

  function storedEntries(name) {
    try {
      return JSON.parse(recall(name)).map(([id, text]) => [id, text]);
    } catch (damaged) {
      return [];
    }
  }

  function enqueue(entry) {
    if (!entry) return; // event() has said why
    queue.push(entry);
    if (queue.length > QUEUE_EVENTS) {
      queue.shift();
      warn(`more than ${QUEUE_EVENTS} events wait; the oldest is dropped`);
    }
    storeQueue();
    if (leaving) drain(); // no timer will fire any more
    else scheduleBatch();
  }

  /** The server has answered for these. */
  function forget(entries) {
    queue.splice(0, queue.length, ...queue.filter(entry => !entries.includes(entry)));
    storeQueue();
  }

  // ---- sending --------------------------------------------------------------------------------------------------

  let failures = 0; // in a row
  let unreachable = false; // the last request got no answer
  let timer = 0;
  let firstMs = 0; // when the first of the batch that waits was made
  let draining = null; // the promise of the drain that runs
  let leaving = false; // the page is going, perhaps to come back from memory

  /** How long to wait as the server (or our backoff) wants it; it holds for the visitor's next pages too. */
  function pauseMs() {
    const leftMs = Number(recall(WAIT_UNTIL)) - Date.now();
    return leftMs > 0 && leftMs <= RETRY_AFTER_MOST_MS ? leftMs : 0; // longer: the clock has been set back
  }

  function schedule(delayMs) {
    if (timer && delayMs) return;
    clearTimeout(timer);
    timer = setTimeout(flush, Math.max(delayMs, pauseMs()));
  }

  /** After a pause in what happens, or `BATCH_WAIT_MS` after the first, or at once when a batch is full. */
  function scheduleBatch() {
    if (!timer) firstMs = Date.now();
    clearTimeout(timer);
    timer = 0;
    const leftMs = Math.max(firstMs + BATCH_WAIT_MS - Date.now(), 0);
    schedule(queue.length < BATCH_EVENTS ? Math.min(QUIET_MS, leftMs) : 0);
  }

  function flush() {
    clearTimeout(timer);
    timer = 0;
    if (!draining) draining = drain().then(() => (draining = null));
    return draining;
  }

  /** Sends what waits, one request after the other, until nothing waits or a pause is wanted. */
  async function drain() {
    if (queue.length && pauseMs()) schedule(1);
    while (!pauseMs()) {
      const batch = nextBatch();
      if (!batch.length) return;
      if (await deliver(batch)) return;
    }
  }

  /** The first waiting entries that fit into one request. */
  function nextBatch() {
    const batch = [];
    let size = 200; // the envelope
    for (const entry of queue) {
      if (underWay.has(entry)) continue;
      size += bytes(entry[1]) + 1;
      if (batch.length === BATCH_EVENTS || (batch.length && size > BATCH_BYTES)) break;
      batch.push(entry);
    }
    return batch;
  }

  function envelope(entries) {
    const events = entries.map(([, text]) => text).join(',');
    return `{"batch":[${events}],"writeKey":${JSON.stringify(WRITE_KEY)},"sentAt":"${new Date().toISOString()}"}`;
  }

  /** True when the going of the page ended the request. */
  async function deliver(batch) {
    batch.forEach(entry => underWay.add(entry));
    const answer = await post(envelope(batch));
    batch.forEach(entry => underWay.delete(entry));
    const { status, ok } = answer;
    unreachable = !status;
    if (unreachable && leaving) return true; // the page's going ended the request, which says nothing about the server
    if (unreachable || status >= 500 || status === 429 || status === 408) return retryLater(answer);
    if (!ok) warn(`${BATCH_URL} refused ${batch.length} events with status ${status}; they are dropped`);
    if (failures) remember(WAIT_UNTIL, '');
    failures = 0;
    forget(batch);
  }

  /** A text/plain body needs no preflight; keepalive lets the request outlive the page. Status 0: no answer. */
  async function post(body) {
    const stop = new AbortController();
    const limit = setTimeout(() => stop.abort(), ANSWER_MS);
    try {
      return await fetch(BATCH_URL, { method: 'POST', body, keepalive: true, credentials: 'omit', signal: stop.signal });
    } catch (unreachable) {
      return { status: 0 };
    } finally {
      clearTimeout(limit);
    }
  }

  function retryLater(answer) {
    const backoffMs = Math.min(RETRY_FIRST_MS * 2 ** failures++, RETRY_MOST_MS) * (0.5 + Math.random() / 2);
    const waitMs = Math.min(Math.max(backoffMs, retryAfterMs(answer)), RETRY_AFTER_MOST_MS);
    remember(WAIT_UNTIL, String(Math.ceil(Date.now() + waitMs)));
    schedule(1);
  }

  /** `Retry-After` is a number of seconds or a date. */
  function retryAfterMs(answer) {
    const wanted = answer.status ? answer.headers.get('Retry-After') : '';
    return Number(wanted) * 1000 || Date.parse(wanted) - Date.now() || 0;
  }

  // ---- making events --------------------------------------------------------------------------------------------

  /** Without the fragment: it is the same page, and some sign-ins leave a secret there. */
  const urlNow = () => location.href.split('#')[0];

  function pageNow(referrer) {
    const { pathname, search } = location;
    return { url: urlNow(), path: pathname, search, title: document.title, referrer };
  }

  /** utm_campaign is the campaign's name; utm_source, utm_medium, utm_term, utm_content keep theirs. */
  function campaign() {
    const found = {};
    new URLSearchParams(location.search).forEach((value, key) => {
      if (key.startsWith('utm_')) found[key === 'utm_campaign' ? 'name' : key.slice(4)] = value;
    });
    return found;
  }

  function context(page) {
    const { language, userAgent, globalPrivacyControl } = navigator;
    const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const library = { name: 'tidings.js', version: VERSION };
    const found = { page, locale: language, timezone, userAgent, library };
    const from = campaign();
    if (Object.keys(from).length) found.campaign = from;
    if (globalPrivacyControl) found.gpc = true;
    return found;
  }

  /** The queue entry of a new event about `page`, or undefined when the event cannot be sent. */
  function event(type, fields, options, page) {
    const messageId = uuid();
    const made = { type, messageId, timestamp: new Date().toISOString(), anonymousId: anonymousId() };
    if (userId()) made.userId = userId();
    made.context = context(page || pageNow(view ? view.page.referrer : document.referrer));
    Object.assign(made, fields);
    if (isObject(options)) {
      Object.assign(made.context, options.context);
      if (options.timestamp) made.timestamp = options.timestamp;
    }
    try {
      const text = JSON.stringify(made);
      if (bytes(text) <= EVENT_BYTES) return [messageId, text];
      warn(`${type} event has ${bytes(text)} bytes, wanted at most ${EVENT_BYTES}; it is dropped`, fields);
    } catch (error) {
      warn(`${type} event cannot be JSON, it is dropped: ${error.message}`, fields);
    }
  }

  const send = (...parts) => enqueue(event(...parts));

  // ---- the page view that goes on -------------------------------------------------------------------------------

  /** What is looked at, for how long it was visible and how far down; `left` when that has been told. */
  let view = null;

  const isVisible = () => document.visibilityState === 'visible';
  const hasMoved = () => view.page.url !== urlNow();

  function referrerNow() {
    if (!view) return document.referrer;
    return hasMoved() ? view.page.url : view.page.referrer;
  }

  function startView() {
    view = { page: pageNow(referrerNow()), visibleMs: 0, since: isVisible() && performance.now(), lowest: 0, left: false };
    look();
  }

  function look() {
    if (view && isVisible()) view.lowest = Math.max(view.lowest, window.scrollY + window.innerHeight);
  }

  /** The `Page Left` entry; there is one for each page view. */
  function pageLeft() {
    view.left = true;
    if (view.since) view.visibleMs += performance.now() - view.since;
    const depth = Math.round((100 * view.lowest) / document.documentElement.scrollHeight) || 0;
    const properties = { time_on_page_ms: Math.round(view.visibleMs), scroll_depth: Math.min(100, depth) };
    return event('track', { event: 'Page Left', properties }, null, view.page);
  }

  /** Hidden or gone, perhaps for good: the last moment to send. */
  function leave() {
    const entry = view && !view.left && pageLeft();
    if (entry && !beacon(entry)) enqueue(entry);
    drain(); // beside a drain that may be running: that one's answer will come too late
  }

  /** A beacon's answer is never seen, so while the server is known to fail the event is better kept for later. */
  function beacon(entry) {
    if (!navigator.sendBeacon || !navigator.onLine || (storage && pauseMs())) return false;
    return navigator.sendBeacon(BATCH_URL, envelope([entry]));
  }

  function viewPage(...args) {
    if (view && !view.left && hasMoved()) enqueue(pageLeft());
    if (!view || view.left) startView();
    const names = args.filter(arg => typeof arg === 'string');
    const [properties, options] = args.filter(isObject);
    const fields = { properties: Object.assign({}, view.page, properties) };
    if (names.length) fields.name = fields.properties.name = names.pop();
    if (names.length) fields.category = fields.properties.category = names.pop();
    send('page', fields, options, view.page);
  }

  // ---- the methods ----------------------------------------------------------------------------------------------

  /** Another known person on this device is another person: they get an anonymous id of their own. */
  function setUser(id) {
    if (userId() && userId() !== id) rememberId(ANONYMOUS_ID, uuid());
    rememberId(USER_ID, id);
  }

  const methods = {
    identify(id, traits, options) {
      if (isObject(id)) return methods.identify('', id, traits);
      if (id) setUser(String(id));
      send('identify', { traits: traits || {} }, options);
    },
    track(name, properties, options) {
      send('track', { event: name, properties: properties || {} }, options);
    },
    page: viewPage,
    screen(name, properties, options) {
      send('screen', { name, properties: Object.assign({ name }, properties) }, options);
    },
    group(groupId, traits, options) {
      send('group', { groupId: String(groupId), traits: traits || {} }, options);
    },
    alias(id, previousId, options) {
      if (!id) return warn('alias needs the new user id; nothing is sent');
      send('alias', { userId: String(id), previousId: String(previousId || userId() || anonymousId()) }, options);
    },
    consent(purpose, granted, wording) {
      methods.track(granted ? 'Consent Given' : 'Consent Withdrawn', { purpose, method: 'checkbox', wording });
    },
    reset() {
      rememberId(USER_ID, '');
      rememberId(ANONYMOUS_ID, uuid());
    },
    user: () => ({ id: () => userId() || null, anonymousId }),
    anonymousId,
    ready: callback => callback(),
    flush,
    push: replay,
  };

  /** Makes a call that the stub has queued: [method, argument, ...]. One that fails must not take the others along. */
  function replay(call) {
    try {
      const [method, ...args] = call;
      methods[method](...args);
    } catch (error) {
      warn('a queued call failed:', call, error);
    }
  }

  // ---- start ----------------------------------------------------------------------------------------------------

  function moved() {
    if (view && hasMoved()) viewPage();
  }

  /** Single-page applications: a new address is a new page view. */
  function watchHistory() {
    const { pushState } = history;
    history.pushState = function (...args) {
      pushState.apply(history, args);
      setTimeout(moved); // the application sets the new title right after it
    };
    addEventListener('popstate', () => setTimeout(moved));
  }

  function cameBack() {
    if (view && !view.left && !view.since) view.since = performance.now(); // it was opened in a background tab
    look();
  }

  function watchPage() {
    addEventListener('scroll', look, { passive: true });
    addEventListener('pagehide', () => {
      leaving = true;
      leave();
    });
    addEventListener('pageshow', shown => {
      leaving = false;
      if (shown.persisted && view) viewPage(); // by the back button, from memory
    });
    addEventListener('online', () => {
      if (unreachable) remember(WAIT_UNTIL, '');
      schedule(0);
    });
    document.addEventListener('visibilitychange', () => (isVisible() ? cameBack() : leave()));
  }

  function start() {
    watchPage();
    if (script.hasAttribute('data-spa')) watchHistory();
    if (stub) {
      stub.splice(0).forEach(replay);
      stub.push = replay; // for those who kept the stub
    }
    if (setting('auto-page') !== 'false') viewPage();
    if (queue.length) schedule(BATCH_WAIT_MS);
  }

  adoptCopies();
  window.tidings = methods;
  if (document.prerendering) document.addEventListener('prerenderingchange', start, { once: true });
  else start();
})();
