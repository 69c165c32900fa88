// A control for a file: it is sent as soon as it is chosen, and the form gets the id that it is kept under.

import * as api from "../api.js";
import { element } from "../dom.js";
import { say } from "../text.js";

/** `accepts` are media ("audio"); `value()` is the id, once the file has arrived. */
export function fileControl(accepts, required) {
  const input = element("input", { type: "file", required, accept: (accepts ?? []).map((media) => `${media}/*`).join(",") });
  const bar = element("progress", { max: 1, value: 0, hidden: true });
  const told = element("small", { role: "status" });
  let sending = Promise.resolve(null);

  async function send(file) {
    bar.hidden = false;
    bar.setAttribute("aria-label", file.name);
    told.className = "";
    told.textContent = say("sending");
    try {
      const { id, mime, bytes, warnings } = await api.upload(file, (fraction) => { bar.value = fraction; });
      told.textContent = [say("sent", mime, bytes / 2 ** 20), ...(warnings ?? []).map(({ message }) => message)].join(" ");
      return id;
    } catch (error) {
      told.className = "problem";
      told.textContent = error.message;
      input.setCustomValidity(error.message); // the form does not start without it
      throw error;
    } finally {
      bar.hidden = true;
    }
  }

  input.addEventListener("change", () => {
    const [file] = input.files;
    input.setCustomValidity("");
    told.textContent = "";
    sending = file ? send(file) : Promise.resolve(null);
    sending.catch(() => {}); // told at the control; who asks for the value hears of it too
  });
  return { input, below: [bar, told], value: () => sending };
}
