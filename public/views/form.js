// The form that starts a run, drawn from what the server offers.

import * as api from "../api.js";
import { element, fill } from "../dom.js";
import { own, say } from "../text.js";
import { Brief } from "./brief.js";
import { field, fieldsOf } from "./parameters.js";

const FIRST_CHOICE = "procedural_instrumental";
const ALWAYS_SHOWN = ["seconds"];
const named = (definitions) => definitions.map(({ name, label }) => ({ value: name, label: own(label) || name }));

function select(options, chosen) {
  return element("select", {}, options.map(({ value, label }) => element("option", { value, textContent: label, selected: value === chosen })));
}

function describe(control, definitions) {
  const chosen = definitions.find((definition) => definition.name === control.value);
  control.parentElement.querySelector("small").textContent = own(chosen?.description);
  return chosen;
}

/** What is set for the outputs that are chosen: drawn again when the choice changes, keeping what was typed. */
class Settings {
  constructor(pipelines) {
    this.pipelines = pipelines;
    this.shown = element("div", { className: "fields" });
    this.more = element("div", { className: "fields" });
    this.fields = [];
  }

  /** Of several outputs, each one's values go to its own stage. */
  keys(outputs, index) {
    if (outputs.length === 1) return (name) => name;
    const pipeline = this.pipelines.find(({ name }) => name === outputs[0].pipeline);
    const stage = pipeline.stages.find(({ chunk }) => chunk === "$output").name;
    return (name) => `${index ? `${stage}_${index + 1}` : stage}.${name}`;
  }

  draw(outputs, preset) {
    const typed = new Map(this.fields.filter(({ node }) => node.type !== "file").map(({ id, node }) => [id, node.value]));
    const before = new Map(this.fields.filter(({ node }) => node.type === "file").map((one) => [one.id, one]));
    const groups = outputs.map((output, index) =>
      fieldsOf(output, preset, this.keys(outputs, index)).map((one) => {
        const id = `${output.name}.${one.name}`;
        const kept = before.get(id); // a file that was chosen stays chosen
        if (kept) {
          kept.node.name = one.key;
          return { ...kept, key: one.key };
        }
        if (typed.has(id)) one.node.value = typed.get(id);
        return { ...one, id };
      }));
    this.fields = groups.flat();
    const heading = (index) => (outputs.length > 1 ? element("h3", { textContent: own(outputs[index].label) }) : null);
    const isShown = ({ name, required }) => required || ALWAYS_SHOWN.includes(name);
    const part = (wanted) => groups.map((group, index) => {
      const views = group.filter((one) => isShown(one) === wanted).map(({ view }) => view);
      return views.length ? [heading(index), views] : null;
    });
    fill(this.shown, part(true));
    fill(this.more, part(false));
  }

  /** What was set, by the name that a request has for it; what is left as usual is not in it. */
  async values() {
    const values = await Promise.all(this.fields.map(async ({ key, value }) => [key, await value()]));
    return Object.fromEntries(values.filter(([, value]) => value !== null));
  }
}

/** The text that says what music is to be made: the run's own, or what stands in `prompt` where that is lyrics. */
function described(output, settings, text) {
  if (output.media !== "audio") return null;
  const prompt = output.parameters.find(({ name }) => name === "prompt");
  if (!prompt || prompt.from) return text.value;
  return settings.fields.find(({ id }) => id === `${output.name}.prompt`)?.node.value || null;
}

/** Draw the form; `onStarted` gets the id of a run that it has started. */
export async function showForm(form, onStarted) {
  const problem = element("p", { className: "problem", role: "alert" });
  let offer;
  try {
    offer = await Promise.all([api.schemas(), api.outputs(), api.pipelines(), api.openapi(), api.who()]);
  } catch (error) {
    fill(form, problem);
    problem.textContent = `${say("could_not")} ${error.message}`;
    return;
  }
  const [schemas, outputs, pipelines, { components }, { safety_levels: levels }] = offer;
  const asked = components.schemas.ExecuteRequest.properties;
  const text = element("textarea", { rows: 4, required: true, placeholder: say("input_hint"), maxLength: asked.input_text.maxLength ?? 20000 });
  const schema = select(named(schemas), "plain");
  const output = select(named(outputs), FIRST_CHOICE);
  const preset = element("select");
  const seed = element("input", { type: "number", min: 0, max: 4294967295, step: 1, placeholder: say("random") });
  const usual = levels.includes(asked.safety_level.default) ? asked.safety_level.default : levels[0];
  const safety = select(levels.map((value) => ({ value, label: say(value) })), usual);
  const fallback = element("input", { type: "checkbox", id: "make-fallback", checked: true });
  const also = outputs.map(({ name, label }) => ({ name, node: element("input", { type: "checkbox", value: name }), label: own(label) || name }));
  const settings = new Settings(pipelines);
  const spoken = components.schemas.BriefValues;
  const brief = new Brief(spoken, () => described(chosen()[0], settings, text));
  const formats = element("fieldset", { className: "formats" });
  const start = element("button", { type: "submit", className: "main", textContent: say("start") });
  const alsoLabels = also.map((one) => element("label", { className: "check" }, one.node, ` ${one.label}`));
  fill(
    form,
    field("input_text", say("input_text"), text), brief.view, field("schema", say("schema"), schema),
    field("output_config", say("output_config"), output),
    field("preset", say("preset"), preset), field("seed", say("seed"), seed),
    field("safety_level", say("safety_level"), safety), settings.shown,
    element("details", { id: "make-also" }, element("summary", { textContent: say("also") }), alsoLabels),
    element("details", { id: "make-more" }, element("summary", { textContent: say("more") }), settings.more, formats),
    element("label", { className: "check" }, fallback, ` ${say("fallback")}`),
    problem, start,
  );

  function chosen() {
    const names = [output.value, ...also.filter(({ name, node }) => node.checked && name !== output.value).map(({ name }) => name)];
    return names.map((name) => outputs.find((one) => one.name === name));
  }

  function wanted() {
    return [...formats.querySelectorAll(":checked")].map(({ value }) => value);
  }

  function adapt() {
    describe(schema, schemas);
    describe(output, outputs);
    also.forEach(({ name, node }, index) => { alsoLabels[index].hidden = name === output.value; });
    const presets = [...new Set(chosen().flatMap((one) => Object.keys(one.presets ?? {})))];
    const kept = presets.includes(preset.value) ? preset.value : "";
    fill(preset, ["", ...presets].map((value) => element("option", { value, textContent: say(value || "as_it_is"), selected: value === kept })));
    preset.disabled = !presets.length;
    settings.draw(chosen(), preset.value);
    const offered = chosen()[0].formats;
    formats.hidden = offered.length < 2;
    fill(formats, element("legend", { textContent: say("formats") }), offered.map((value) =>
      element("label", { className: "check" }, element("input", { type: "checkbox", value, checked: wanted().includes(value) }), ` ${value.toUpperCase()}`)));
    brief.later();
  }
  for (const node of [schema, output, preset, ...also.map((one) => one.node)]) node.addEventListener("change", adapt);
  adapt();

  form.addEventListener("input", ({ target }) => { if (!brief.view.contains(target)) brief.later(); });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    start.disabled = true;
    problem.textContent = "";
    try {
      const names = chosen().map(({ name }) => name);
      const request = {
        input_text: text.value, schema: schema.value, output_config: names.length > 1 ? names : names[0], safety_level: safety.value,
        fallback: fallback.checked, params: await settings.values(), seed: seed.value === "" ? null : Number(seed.value),
        preset: preset.value || null, brief: brief.asked(), formats: wanted(),
      };
      onStarted((await api.execute(request)).run_id);
    } catch (error) {
      problem.textContent = [error.message, error.hint].filter(Boolean).join(" ");
      const wrong = form.elements[(error.field ?? "").replace("params.", "")];
      wrong?.closest("details")?.setAttribute("open", "");
      wrong?.focus();
    } finally {
      start.disabled = false;
    }
  });
}
