// What plays or shows one file.

import { element } from "../dom.js";
import { say } from "../text.js";

export function player(media, url, title) {
  if (media === "audio") return element("audio", { controls: true, preload: "metadata", src: url, "aria-label": title });
  if (media === "video") return element("video", { controls: true, preload: "metadata", src: url, "aria-label": title });
  if (media === "image") return element("img", { src: url, alt: title });
  return element("a", { href: url, textContent: say("show") });
}
