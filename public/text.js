// What the page says, in the browser's language where we speak it.

const EN = {
  api: "API", make: "Make something", now: "This run", recent: "Recent runs", nothing: "Nothing yet.",
  input_text: "Your text", input_hint: "For example: a slow blues in A minor, piano and brushes, 90 bpm",
  schema: "Transform the text", output_config: "Make", seconds: "Length (seconds)", seed: "Seed", random: "random",
  safety_level: "Safety", start: "Start", cancel: "Cancel", rerun: "Run again", show: "Show", play: "Play",
  download: "Download", run: "Run", time: "Took", text: "Text used", seconds_short: "s",
  used_instead: "made with", fallback: "Use a substitute if the model is missing",
  connected: "Connected", disconnected: "The server does not answer. Trying again …",
  backends: (up, all) => `${up} of ${all} backends ready`,
  queued: "waiting", running: "running", success: "done", failed: "failed", blocked: "blocked", cancelled: "cancelled",
  skipped: "skipped", waiting: "to come", cancelling: "stopping …",
  stages: "Stages", warnings: "Please note", created: "When", state: "State", what: "What", actions: "Actions",
  no_runs: "No runs yet.", find: "Find in texts", any_state: "any state", nothing_found: "Nothing is like that.", older: "Older runs", off: "off", adult: "adults", youth: "youth", kids: "children",
  safety_input: "Check your text", interception: "Transform the text", safety_output: "Check the result",
  generation: "Make the media", analysis: "Measure it", master: "Master it", film: "Make the film", from_stage: "From the stage", could_not: "That did not work.",
  preset: "How well", as_it_is: "as usual", draft: "draft", balanced: "balanced", best: "best",
  definitions_broken: (more) => `The definitions were edited and are wrong; the last good version is in force.${more}`,
  definitions_changed: "The definitions have changed. Reload the page to see them.",
  more: "More settings", also: "Make something else of it too", usually: (value) => (value === "" ? "as usual" : `usually ${value}`),
  from_text: "your text, transformed", true: "yes", false: "no",
  sending: "Sending …", sent: (mime, mib) => `Here: ${mime}, ${mib.toFixed(1)} MiB`, not_sent: "The server does not answer.",
  audio: "Recording", image: "Picture", video: "Film", prompt: "Description", negative_prompt: "What it should not be", bpm: "Beats per minute",
  cfg: "How closely it follows the text", fps: "Pictures per second", steps: "Steps", denoise: "How much changes", quality: "Quality of the file",
  sampler_name: "Sampler", scheduler: "Scheduler", lyrics: "Lyrics", key: "Key", genre: "Genre", mood: "Mood", instruments: "Instruments",
  width: "Width", height: "Height", frames: "Pictures", model: "Model", language: "Language", temperature: "Temperature", shift: "Shift",
  position: "Position", position_of: (now, all) => `${now} of ${all}`, voices: (count) => `Voices (${count})`, stems: "Voices as files", muted: "Mute", solo: "Solo",
  all_stems: "Download all voices (ZIP)", translation: "Translate", drums: "Drums", bass: "Bass", chords: "Chords", lead: "Lead", vocals: "Vocals", notes_midi: "Notes (MIDI)", format: "Format", formats: "Formats",
  heard_while_made: "You hear it while it is made.", made_now: "It is made. When you pause, the finished file takes over.",
  not_heard: "It cannot be heard before it is finished.",
  sign_in: "Sign in", sign_out: "Sign out", your_key: "Your key", wrong_key: "This server does not know this key.",
  queue: "Queue", in_queue: (held, waiting) => `${held} at work, ${waiting} waiting`, queue_paused: "paused: nothing new begins", more_waiting: (count) => `${count} more waiting`, pause: "Pause", resume: "Go on",
  position_short: "Place", its_turn: "now", done_in: "Done in", all_done_in: (time) => `all done in ${time}`, not_known: "not known yet", at_backend: (name) => `on ${name}`, expected_at: (name) => `expected on ${name}`, of_another: "somebody else’s", up: "Up",
  to_front: "To the front", take: "Take", minutes_short: "min",
  lyrics_strength: "Weight of the lyrics", time_signature: "Time signature", sample_rate: "Sample rate", channels: "Channels",
};

const DE = {
  api: "API", make: "Etwas machen", now: "Dieser Lauf", recent: "Letzte Läufe", nothing: "Noch nichts.",
  input_text: "Dein Text", input_hint: "Zum Beispiel: langsamer Blues in a-Moll, Klavier und Besen, 90 bpm",
  schema: "Den Text verwandeln", output_config: "Machen", seconds: "Länge (Sekunden)", seed: "Startwert", random: "zufällig",
  safety_level: "Schutz", start: "Los", cancel: "Abbrechen", rerun: "Noch einmal", show: "Zeigen", play: "Abspielen",
  download: "Herunterladen", run: "Lauf", time: "Dauer", text: "Verwendeter Text", seconds_short: "s",
  used_instead: "gemacht mit", fallback: "Ersatz nehmen, wenn das Modell fehlt",
  connected: "Verbunden", disconnected: "Der Server antwortet nicht. Neuer Versuch …",
  backends: (up, all) => `${up} von ${all} Backends bereit`,
  queued: "wartet", running: "läuft", success: "fertig", failed: "misslungen", blocked: "gesperrt", cancelled: "abgebrochen",
  skipped: "übersprungen", waiting: "kommt noch", cancelling: "hält an …",
  stages: "Schritte", warnings: "Bitte beachten", created: "Wann", state: "Stand", what: "Was", actions: "Aktionen",
  no_runs: "Noch keine Läufe.", find: "In den Texten suchen", any_state: "jeder Stand", nothing_found: "So etwas gibt es nicht.", older: "Ältere Läufe", off: "aus", adult: "Erwachsene", youth: "Jugendliche", kids: "Kinder",
  safety_input: "Deinen Text prüfen", interception: "Den Text verwandeln", safety_output: "Das Ergebnis prüfen",
  generation: "Die Medien machen", analysis: "Vermessen", master: "Mastern", film: "Den Film machen", from_stage: "Aus der Stufe", could_not: "Das hat nicht geklappt.",
  preset: "Wie gut", as_it_is: "wie üblich", draft: "Entwurf", balanced: "ausgewogen", best: "bestmöglich",
  definitions_broken: (more) => `Die Definitionen wurden geändert und sind fehlerhaft; die letzte gute Fassung gilt weiter.${more}`,
  definitions_changed: "Die Definitionen haben sich geändert. Lade die Seite neu, um sie zu sehen.",
  more: "Weitere Einstellungen", also: "Noch etwas anderes daraus machen", usually: (value) => (value === "" ? "wie üblich" : `üblich: ${value}`),
  from_text: "dein Text, verwandelt", true: "ja", false: "nein",
  sending: "Wird gesendet …", sent: (mime, mib) => `Angekommen: ${mime}, ${mib.toFixed(1)} MiB`, not_sent: "Der Server antwortet nicht.",
  audio: "Aufnahme", image: "Bild", video: "Film", prompt: "Beschreibung", negative_prompt: "Was es nicht sein soll", bpm: "Schläge pro Minute",
  cfg: "Wie eng es dem Text folgt", fps: "Bilder pro Sekunde", steps: "Rechenschritte", denoise: "Wie viel sich ändert", quality: "Qualität der Datei",
  sampler_name: "Sampler", scheduler: "Scheduler", lyrics: "Liedtext", key: "Tonart", genre: "Genre", mood: "Stimmung", instruments: "Instrumente",
  width: "Breite", height: "Höhe", frames: "Bilder", model: "Modell", language: "Sprache", temperature: "Temperatur", shift: "Verschiebung",
  position: "Stelle", position_of: (now, all) => `${now} von ${all}`, voices: (count) => `Stimmen (${count})`, stems: "Stimmen als Dateien", muted: "Stumm", solo: "Solo",
  all_stems: "Alle Stimmen herunterladen (ZIP)", translation: "Übersetzen", drums: "Schlagzeug", bass: "Bass", chords: "Akkorde", lead: "Melodie",
  vocals: "Gesang", notes_midi: "Noten (MIDI)", format: "Format", formats: "Formate",
  heard_while_made: "Du hörst es, während es entsteht.", made_now: "Es ist fertig. Nach einer Pause spielt die fertige Datei.",
  not_heard: "Es ist erst zu hören, wenn es fertig ist.",
  sign_in: "Anmelden", sign_out: "Abmelden", your_key: "Dein Schlüssel", wrong_key: "Diesen Schlüssel gibt es hier nicht.",
  queue: "Warteschlange", in_queue: (held, waiting) => `${held} in Arbeit, ${waiting} warten`, queue_paused: "angehalten: nichts Neues beginnt", more_waiting: (count) => `${count} weitere warten`, pause: "Anhalten", resume: "Weiter",
  position_short: "Platz", its_turn: "jetzt", done_in: "Fertig in", all_done_in: (time) => `alles fertig in ${time}`, not_known: "noch nicht bekannt", at_backend: (name) => `auf ${name}`, expected_at: (name) => `voraussichtlich auf ${name}`, of_another: "von jemand anderem", up: "Nach oben",
  to_front: "Ganz nach vorn", take: "Fassung", minutes_short: "min",
  lyrics_strength: "Gewicht des Liedtexts", time_signature: "Taktart", sample_rate: "Abtastrate", channels: "Kanäle",
};

export const language = navigator.language.toLowerCase().startsWith("de") ? "de" : "en";
const WORDS = language === "de" ? DE : EN;

/** A phrase of the page; what it has no phrase for is shown as it is. */
export const say = (key, ...values) => {
  const phrase = WORDS[key] ?? String(key).replaceAll("_", " ");
  return typeof phrase === "function" ? phrase(...values) : phrase;
};

/** A definition's own text, which has every language. */
export const own = (text) => text?.[language] ?? text?.en ?? "";

export const when = (stamp) => new Date(stamp).toLocaleString(language, { dateStyle: "short", timeStyle: "short" });
export const length = (seconds) => (seconds === null || seconds === undefined ? "" : `${seconds.toFixed(1)} ${say("seconds_short")}`);
/** A range of seconds, in minutes where they are many. */
export const between = ({ low_seconds: low, high_seconds: high }) => {
  const [by, unit, digits] = high > 150 ? [60, "minutes_short", high > 900 ? 0 : 1] : [1, "seconds_short", high < 10 ? 1 : 0];
  return `${(low / by).toFixed(digits)}–${(high / by).toFixed(digits)} ${say(unit)}`;
};
