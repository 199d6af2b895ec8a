/* Entry: every page loads it. Each module does nothing where its elements are not. */
import { keepTimes } from "./times.js";
import { goLive } from "./live.js";
import { openRows } from "./timeline.js";
import { startInbox } from "./inbox.js";

document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }); // on phones
keepTimes();
openRows();
startInbox();
goLive();
