/* The shop's own script: hands the page's calls to the tracker, and adds to the basket without leaving the page. */
"use strict";

(function () {
  const tracker = (window.tidings = window.tidings || []);
  const ribbon = document.getElementById("ribbon");
  const seen = document.getElementById("ribbon-event");
  const dot = document.getElementById("ribbon-dot");
  const toast = document.getElementById("toast");
  const LAST = "shop_last_event";

  const name = (call) => (call[0] === "track" ? call[1] : call[0] === "page" ? "Page · " + call[1] : call[0] === "consent" ? "Consent Given" : call[0]);

  function show(text) {
    seen.textContent = text;
    dot.classList.remove("on");
    void dot.offsetWidth; // restarts the animation
    dot.classList.add("on");
  }

  function send(calls) {
    calls.forEach((call) => {
      (window.tidings || tracker).push(call);
      show(name(call));
    });
    if (calls.length) sessionStorage.setItem(LAST, name(calls[calls.length - 1]));
  }

  function announce(text) {
    toast.querySelector("span").textContent = text;
    toast.hidden = false;
    clearTimeout(announce.timer);
    announce.timer = setTimeout(() => (toast.hidden = true), 4000);
  }

  async function add(form) {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { Accept: "application/json" },
    });
    if (!answer.ok) return form.submit();
    const { count, said, calls } = await answer.json();
    const badge = document.getElementById("basket-count");
    badge.textContent = badge.dataset.count = String(count);
    badge.classList.remove("bump");
    void badge.offsetWidth;
    badge.classList.add("bump");
    announce(said);
    send(calls);
  }

  seen.textContent = sessionStorage.getItem(LAST) || "…";
  send(JSON.parse(ribbon.dataset.calls));

  // One at a time: each answer brings the cookie that the next request must carry.
  let last = Promise.resolve();
  document.querySelectorAll(".add-form").forEach((form) =>
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      last = last.then(() => add(form)).catch(() => form.submit());
    })
  );

  // By the time the page has loaded, the tracker has taken the queue's place; unless its script did not come.
  addEventListener("load", () => {
    if (!Array.isArray(window.tidings)) return;
    ribbon.classList.add("deaf");
    seen.textContent = "nothing: the collector does not answer";
  });
})();
