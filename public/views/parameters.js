// One control for each parameter of an output, drawn from its description.

import { element } from "../dom.js";
import { own, say } from "../text.js";
import { fileControl } from "./upload.js";

const YES_NO = ["", "true", "false"];
const NAMES = { true: say("true"), false: say("false") };

/** The number as people write it: 0.1, not 0.1000000001. */
const short = (number) => String(Number(number.toPrecision(6)));

function hint({ description, min, max, unit }) {
  const range = min === null || max === null ? "" : ` ${short(min)}–${short(max)}${unit ? ` ${unit}` : ""}`;
  return `${own(description)}${range}`;
}

function choice(values, usual) {
  const first = element("option", { value: "", textContent: say("usually", usual ?? "") });
  return element("select", {}, first, values.filter((value) => value !== "").map((value) => element("option", { value, textContent: NAMES[value] ?? value })));
}

/** What a parameter is set with: `node`, `value()` (null where it is left as usual), and what it says below. */
function control(parameter) {
  const { type, min, max, step, choices, usual, required, accepts, from } = parameter;
  if (type === "file") {
    const { input, below, value } = fileControl(accepts, required);
    return { node: input, below, value };
  }
  if (type === "bool") {
    const node = choice(YES_NO, usual === null ? "" : say(String(usual)));
    return { node, value: () => (node.value === "" ? null : node.value === "true") };
  }
  if (type === "choice") {
    const node = choice(choices, usual);
    return { node, value: () => choices.find((one) => String(one) === node.value && node.value !== "") ?? null };
  }
  if (type === "int" || type === "float") {
    const node = element("input", { type: "number", min, max, step: type === "int" ? 1 : "any", placeholder: usual ?? "", required });
    if (step && type === "int" && step > 1) node.step = step;
    return { node, value: () => (node.value === "" ? null : Number(node.value)) };
  }
  const placeholder = from ? say("from_text") : usual ?? "";
  const node = type === "text" ? element("textarea", { rows: 2, placeholder, required }) : element("input", { type: "text", placeholder, required });
  return { node, value: () => (node.value === "" ? null : node.value) };
}

/** A labelled control; `key` is the name under which a request has its value. */
export function field(key, label, node, note = "", below = []) {
  node.name = key;
  node.id = `make-${key.replaceAll(".", "-")}`;
  const small = element("small", { id: `${node.id}-hint`, textContent: note });
  node.setAttribute("aria-describedby", small.id);
  return element("div", { className: `field ${key}` }, element("label", { htmlFor: node.id, textContent: label }), node, below, small);
}

/** The fields of an output's parameters, those that must be given first; `seed` is the form's own. */
export function fieldsOf(output, preset, keyOf) {
  return output.parameters
    .filter(({ type, name }) => !(type === "seed" && name === "seed"))
    .map((parameter) => {
      const usual = output.presets?.[preset]?.[parameter.name] ?? parameter.default;
      const { node, value, below } = control({ ...parameter, usual });
      const key = keyOf(parameter.name);
      return { key, name: parameter.name, required: parameter.required, value, node, view: field(key, say(parameter.name), node, hint(parameter), below) };
    });
}
