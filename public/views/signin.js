// Signing in: where the server has keys, a browser shows one once.

import * as api from "../api.js";
import { element, fill } from "../dom.js";
import { say } from "../text.js";

/** Ask for the key in the place of everything else; the page begins anew when it was right. */
export function showSignIn(main) {
  const key = element("input", { id: "key", type: "password", required: true, autocomplete: "current-password" });
  const problem = element("p", { className: "bad", role: "alert" });
  const send = async (event) => {
    event.preventDefault();
    problem.textContent = "";
    try {
      await api.signIn(key.value.trim());
      location.reload();
    } catch (error) {
      problem.textContent = error.status === 401 ? say("wrong_key") : error.message;
      key.select();
    }
  };
  const form = element(
    "form", { id: "signin", onsubmit: send },
    element("label", { htmlFor: "key" }, say("your_key")), key, element("button", { type: "submit" }, say("sign_in")), problem,
  );
  fill(main, element("section", { className: "card" }, element("h2", {}, say("sign_in")), form));
  key.focus();
}

/** Who is signed in, with a button that ends it; nothing where there are no keys. */
export function showUser(nav, { user, keys }) {
  if (!keys) return;
  const out = async () => {
    await api.signOut();
    location.reload();
  };
  nav.prepend(element("span", { id: "user" }, user), " ", element("button", { id: "signout", type: "button", onclick: out }, say("sign_out")), " ");
}
