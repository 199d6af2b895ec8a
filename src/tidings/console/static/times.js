/* Instants: "12 s ago" is kept current; the exact instant, in the reader's own zone, is the tooltip. */
const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
const FAR_S = 60 * 86400;

export function ago(us) {
  const seconds = Date.now() / 1000 - us / 1e6;
  const size = Math.abs(seconds);
  if (size < 2) return "just now";
  if (size >= FAR_S) return new Date(us / 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
  const [unit, word] = UNITS.find(([unit]) => size >= unit);
  const text = Math.floor(size / unit) + " " + word;
  return seconds > 0 ? text + " ago" : "in " + text;
}

export function timeTag(us) {
  const tag = document.createElement("time");
  tag.dataset.us = String(us);
  show(tag);
  return tag;
}

function clock(us) {
  const moment = new Date(us / 1000);
  const time = moment.toLocaleTimeString("en-GB");
  const near = Math.abs(Date.now() - moment.getTime()) < 86400e3;
  return near ? time : moment.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" }) + ", " + time;
}

function show(tag) {
  const us = Number(tag.dataset.us);
  const text = "clock" in tag.dataset ? clock(us) : ago(us);
  if (tag.textContent !== text) tag.textContent = text;
  if (!tag.dataset.exact) {
    tag.dataset.exact = "1";
    tag.title = new Date(us / 1000).toLocaleString("en-GB", { dateStyle: "full", timeStyle: "long" });
  }
}

export function keepTimes() {
  const all = () => document.querySelectorAll("time[data-us]").forEach(show);
  all();
  setInterval(all, 1000);
}
