// The form that starts a run, drawn from what the server offers.

import * as api from "../api.js";
import { element, fill } from "../dom.js";
import { own, say } from "../text.js";

const FIRST_CHOICE = "procedural_instrumental";

function field(name, control, hint = "") {
  control.id = `make-${name}`;
  control.name = name;
  const note = element("small", { id: `${control.id}-hint`, textContent: hint });
  control.setAttribute("aria-describedby", note.id);
  return element("div", { className: `field ${name}` }, element("label", { htmlFor: control.id, textContent: say(name) }), control, note);
}

function select(options, chosen) {
  return element("select", {}, options.map(({ value, label }) => element("option", { value, textContent: label, selected: value === chosen })));
}

function describe(control, definitions) {
  const chosen = definitions.find((definition) => definition.name === control.value);
  control.parentElement.querySelector("small").textContent = own(chosen?.description);
  return chosen;
}

/** Draw the form; `onStarted` gets the id of a run that it has started. */
export async function showForm(form, onStarted) {
  const problem = element("p", { className: "problem", role: "alert" });
  let offer;
  try {
    offer = await Promise.all([api.schemas(), api.outputs(), api.openapi()]);
  } catch (error) {
    fill(form, problem);
    problem.textContent = `${say("could_not")} ${error.message}`;
    return;
  }
  const [schemas, outputs, { components }] = offer;
  const asked = components.schemas.ExecuteRequest.properties;
  const named = (definitions) => definitions.map(({ name, label }) => ({ value: name, label: own(label) || name }));
  const text = element("textarea", { rows: 4, required: true, placeholder: say("input_hint"), maxLength: asked.input_text.maxLength ?? 20000 });
  const schema = select(named(schemas), "plain");
  const output = select(named(outputs), FIRST_CHOICE);
  const preset = element("select");
  const seconds = element("input", { type: "number", inputMode: "decimal", step: "any" });
  const seed = element("input", { type: "number", min: 0, max: 4294967295, step: 1, placeholder: say("random") });
  const safety = select((asked.safety_level.enum ?? []).map((value) => ({ value, label: say(value) })), asked.safety_level.default);
  const fallback = element("input", { type: "checkbox", id: "make-fallback", checked: true });
  const start = element("button", { type: "submit", className: "main", textContent: say("start") });
  fill(
    form,
    field("input_text", text), field("schema", schema), field("output_config", output),
    field("preset", preset), field("seconds", seconds), field("seed", seed), field("safety_level", safety),
    element("label", { className: "check" }, fallback, ` ${say("fallback")}`),
    problem, start,
  );

  function adapt() {
    describe(schema, schemas);
    const chosen = describe(output, outputs);
    const presets = Object.keys(chosen?.presets ?? {});
    if (!presets.includes(preset.value)) preset.value = "";
    const kept = preset.value;
    fill(preset, ...["", ...presets].map((value) => element("option", { value, textContent: say(value || "as_it_is"), selected: value === kept })));
    preset.disabled = !presets.length;
    const length = chosen?.parameters.find(({ name }) => name === "seconds");
    seconds.disabled = !length;
    Object.assign(seconds, { min: length?.min ?? "", max: length?.max ?? "", placeholder: length?.default ?? "" });
  }
  schema.addEventListener("change", adapt);
  output.addEventListener("change", adapt);
  adapt();

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const request = {
      input_text: text.value, schema: schema.value, output_config: output.value, safety_level: safety.value,
      fallback: fallback.checked, params: seconds.disabled || !seconds.value ? {} : { seconds: Number(seconds.value) },
      seed: seed.value === "" ? null : Number(seed.value), preset: preset.value || null,
    };
    start.disabled = true;
    problem.textContent = "";
    try {
      onStarted((await api.execute(request)).run_id);
    } catch (error) {
      problem.textContent = [error.message, error.hint].filter(Boolean).join(" ");
      form.elements[(error.field ?? "").replace("params.", "")]?.focus();
    } finally {
      start.disabled = false;
    }
  });
}
