/* A person's timeline: a row that is opened fetches the event's original JSON, coloured (and escaped) by the server. */
export function openRows() {
  document.querySelectorAll("details[data-offset]").forEach((row) => {
    row.addEventListener("toggle", () => load(row));
    load(row); // opened before this script had arrived
  });
}

async function load(row) {
  const body = row.querySelector("[data-body]");
  if (!row.open || body.childElementCount) return;
  const answer = await fetch(`/events/${row.dataset.offset}/body`);
  if (answer.ok) body.innerHTML = await answer.text();
  else body.textContent = "The log does not have it any more.";
}
