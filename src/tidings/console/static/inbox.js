/* The inbox: new mails appear in the list by themselves; the paper can be as narrow as a phone. */
import { timeTag } from "./times.js";

export function startInbox() {
  const widths = document.getElementById("widths");
  if (!widths) return;
  const paper = document.getElementById("paper");
  const set = (width) => {
    paper.dataset.width = width;
    widths.querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.width === width)));
    sessionStorage.setItem("inbox_width", width);
  };
  widths.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) set(button.dataset.width);
  });
  set(sessionStorage.getItem("inbox_width") || "desktop");
}

export async function refreshMails(mails) {
  const list = document.getElementById("mails");
  if (!list) {
    if (mails.length && document.getElementById("mails-empty")) location.reload(); // the first mail ever
    return;
  }
  const known = Number(list.firstElementChild ? list.firstElementChild.dataset.id : 0);
  if (mails.length && mails[mails.length - 1].id > known + 1) mails = await fetch("/inbox/list.json").then((answer) => answer.json());
  const fresh = mails.filter((mail) => mail.id > known).reverse();
  fresh.forEach((mail) => list.prepend(makeMail(mail)));
}

function makeMail(mail) {
  const item = document.createElement("li");
  item.dataset.id = String(mail.id);
  const link = document.createElement("a");
  link.href = "/inbox/" + Number(mail.id);
  link.className = "fresh";
  const part = (name, text) => Object.assign(document.createElement("span"), { className: name, textContent: text });
  link.append(
    part("avatar hue-" + Number(mail.hue), mail.initials),
    part("mail-who", mail.who),
    timeTag(mail.at),
    part("mail-subject", mail.name),
  );
  item.append(link);
  return item;
}
