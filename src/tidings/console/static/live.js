/* The live stream: figures change in place, feeds grow at the top. Everything is set as text, never as markup. */
import { timeTag } from "./times.js";
import { refreshMails } from "./inbox.js";

const RETRY_MS = 5000;
const FLOW_MS = 1600;
const light = document.getElementById("live-light");
const flows = new Map();

export function goLive() {
  const stream = new EventSource("/live");
  stream.onopen = () => say("on", "live");
  stream.onmessage = (message) => take(JSON.parse(message.data));
  stream.onerror = () => {
    say("", "not connected");
    if (stream.readyState === EventSource.CLOSED) setTimeout(goLive, RETRY_MS);
  };
}

function say(kind, words) {
  light.className = "live-light " + kind;
  light.lastElementChild.textContent = words;
}

function take(parts) {
  if (parts.sources) showSources(parts.sources);
  if (parts.numbers) showNumbers(parts.numbers);
  if ("adds_up" in parts) showSum(parts.adds_up);
  if (parts.rate) showRate(parts.rate);
  for (const name of ["events", "messages", "changes"]) if (parts[name]) showFeed(name, parts[name]);
  if (parts.mails) refreshMails(parts.mails);
}

function showNumbers(numbers) {
  if (numbers.received) document.getElementById("nothing-yet")?.remove();
  document.querySelectorAll("[data-n]").forEach((tag) => {
    const text = (numbers[tag.dataset.n] || 0).toLocaleString("en");
    if (tag.textContent === text) return;
    const grew = Number(text.replaceAll(",", "")) > Number(tag.textContent.replaceAll(",", ""));
    tag.textContent = text;
    restart(tag, "changed");
    if (grew) flow(tag.dataset.n);
  });
}

function showSources(sources) {
  const table = document.getElementById("sources");
  if (!table) return;
  const have = new Set([...table.rows].map((row) => row.dataset.source));
  for (const source of sources.filter((source) => !have.has(source))) {
    const row = table.insertRow();
    row.dataset.source = source;
    row.insertCell().textContent = source;
    for (const part of ["applied", "duplicate", "rejected"]) {
      const figure = Object.assign(document.createElement("b"), { className: "num", textContent: "0" });
      figure.dataset.n = `source:${source}:${part}`;
      const cell = row.insertCell();
      cell.className = "right";
      cell.append(figure);
    }
  }
}

function flow(name) {
  for (const path of document.querySelectorAll(`.fan path[data-flow="${CSS.escape(name)}"]`)) {
    path.classList.add("on");
    clearTimeout(flows.get(path));
    flows.set(path, setTimeout(() => path.classList.remove("on"), FLOW_MS));
  }
}

function showSum(ok) {
  const equation = document.getElementById("equation");
  if (equation) equation.dataset.ok = ok ? "yes" : "no";
}

function showRate(rate) {
  const plot = document.getElementById("rate");
  if (!plot) return;
  const peak = Math.max(...rate);
  const step = 720 / (rate.length - 1);
  const line = "M" + rate.map((n, i) => `${(i * step).toFixed(1)} ${(94 - (n / (peak || 1)) * 92).toFixed(1)}`).join("L");
  plot.querySelector(".spark-line").setAttribute("d", line);
  plot.querySelector(".spark-area").setAttribute("d", line + "L720 96L0 96Z");
  document.getElementById("rate-now").textContent = rate[rate.length - 1].toLocaleString("en");
  document.getElementById("rate-peak").textContent = peak.toLocaleString("en");
}

function showFeed(name, rows) {
  const feed = document.querySelector(`[data-feed="${name}"]`);
  if (!feed) return;
  const have = new Map([...feed.children].map((item) => [item.dataset.id, item]));
  const items = rows.map((row) => update(have.get(String(row.id)), row));
  if (items.length) feed.replaceChildren(...items);
}

function update(item, row) {
  const fresh = !item;
  item = item || makeRow(row);
  item.querySelector(".dot").className = "dot " + row.state;
  item.querySelector(".feed-name").textContent = row.name;
  item.querySelector(".feed-who").textContent = row.who;
  item.querySelector(".feed-more").textContent = row.more;
  if (fresh) restart(item.firstElementChild, "fresh");
  return item;
}

function makeRow(row) {
  const item = document.createElement("li");
  item.dataset.id = String(row.id);
  const link = document.createElement("a");
  link.href = row.href.startsWith("/") ? row.href : "#";
  const part = (tag, name) => Object.assign(document.createElement(tag), { className: name });
  link.append(part("i", "dot"), part("span", "feed-name"), part("span", "feed-who"), part("span", "feed-more"), timeTag(row.at));
  item.append(link);
  return item;
}

function restart(tag, name) {
  tag.classList.remove(name);
  void tag.offsetWidth;
  tag.classList.add(name);
}
