// The queue: what is at a backend, what waits for its turn, and when each will be done.

import * as api from "../api.js";
import { element, fill } from "../dom.js";
import { between, say } from "../text.js";

const PAGE = 50; // rows of each queue at a time
const LONGEST = 1000; // that the server lists at once
const PAUSE_MS = 400; // changes come in flocks; one look is good for all of them

export class QueueView {
  constructor(card, onChosen, onRead) {
    Object.assign(this, { card, onChosen, onRead, asked: false, limit: PAGE });
    // These stay, so that a screen reader tells what changes in them and the focus is not lost.
    this.summary = element("p", { role: "status", "aria-live": "polite" });
    this.hold = element("button", { id: "queue-hold", type: "button", onclick: () => this.change(this.queue.paused ? api.resume() : api.pause()) });
    this.problem = element("p", { className: "problem", role: "alert" });
    this.body = element("div");
    fill(card.querySelector("div"), element("div", { className: "actions queue-head" }, this.summary, this.hold), this.problem, this.body);
  }

  /** Look again soon. */
  refresh() {
    if (this.asked) return;
    this.asked = true;
    setTimeout(() => {
      this.asked = false;
      this.read();
    }, PAUSE_MS);
  }

  async read() {
    try {
      this.draw(await api.queue(this.limit));
    } catch (error) {
      this.problem.textContent = error.message;
    }
  }

  async change(request) {
    try {
      await request;
      this.problem.textContent = "";
    } catch (error) {
      this.problem.textContent = [error.message, error.hint].filter(Boolean).join(" ");
    }
    await this.read();
  }

  draw(queue) {
    this.queue = queue;
    const busy = queue.backends.filter(({ held, waiting_total: waiting, paused }) => held.length + waiting > 0 || paused);
    const waiting = busy.reduce((sum, one) => sum + one.waiting_total, 0);
    const held = busy.reduce((sum, one) => sum + one.held.length, 0);
    this.card.hidden = !busy.length && !queue.paused;
    this.summary.textContent = [say("in_queue", held, waiting), queue.paused ? say("queue_paused") : ""].filter(Boolean).join(" · ");
    this.hold.textContent = say(queue.paused ? "resume" : "pause");
    fill(this.body, busy.map((backend) => this.backend(backend, busy.length > 1)));
    this.onRead(busy.flatMap((one) => [...one.held, ...one.waiting]));
  }

  backend({ name, held, waiting, waiting_total: total, paused, eta }, named) {
    if (!held.length && !waiting.length) return null;
    const heads = ["position_short", "what", "done_in", "actions"].map((key) => element("th", { scope: "col", textContent: say(key) }));
    const title = [name, paused ? say("queue_paused") : "", eta ? say("all_done_in", between(eta)) : ""].filter(Boolean).join(" · ");
    return element(
      "div", {},
      named || paused || eta ? element("h3", { textContent: title }) : null,
      element("table", { className: "queue" }, element("thead", {}, element("tr", {}, heads)),
        element("tbody", {}, held.map((one) => this.row(one)), waiting.map((one) => this.row(one)))),
      total > waiting.length ? this.more(total - waiting.length) : null,
    );
  }

  more(count) {
    if (this.limit >= LONGEST) return element("p", { className: "quiet", textContent: say("more_waiting", count) });
    const onclick = () => {
      this.limit = Math.min(this.limit + PAGE, LONGEST);
      this.read();
    };
    return element("button", { type: "button", textContent: say("more_waiting", count), onclick });
  }

  row(entry) {
    const turn = entry.position === 0;
    const what = entry.own
      ? [element("strong", { textContent: entry.title }), entry.take > 1 ? element("small", { textContent: `${say("take")} ${entry.take}` }) : null]
      : element("span", { className: "quiet", textContent: say("of_another") });
    return element(
      "tr", {},
      element("td", { className: "number", textContent: turn ? say("its_turn") : String(entry.position) }),
      element("td", {}, what),
      element("td", { className: "number", textContent: entry.eta ? between(entry.eta) : say("not_known") }),
      element("td", {}, entry.own ? this.actions(entry, turn) : null),
    );
  }

  actions(entry, turn) {
    const { run_id: id, title, position, take } = entry;
    const press = (name, action) =>
      element("button", { id: `queue-${name}-${id}-${take}`, type: "button", textContent: say(name), "aria-label": `${say(name)}: ${title}`, onclick: action });
    const cancel = (event) => {
      event.target.disabled = true;
      this.change(api.cancel(id));
    };
    return element(
      "div", { className: "actions" },
      turn || position === 1 ? null : press("to_front", () => this.change(api.move({ run_id: id, to: "front" }))),
      turn || position === 1 ? null : press("up", () => this.change(api.move({ run_id: id, position: position - 1 }))),
      press("show", () => this.onChosen(id)),
      press("cancel", cancel),
    );
  }
}
