"""The inputs that people change in a graph, and the plain word for each in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """A parameter's name, its meaning, and its unit."""

    name: str
    en: str
    de: str
    unit: str = ""


PROMPT = Word("prompt", "What is to be made, in words", "Was entstehen soll, in Worten")
NEGATIVE = Word("negative_prompt", "What is to be avoided", "Was vermieden werden soll")
LYRICS = Word("lyrics", "Lyrics with marks such as [verse]", "Liedtext mit Marken wie [verse]")
TEXT = Word("text", "A text", "Ein Text")
SEED = Word("seed", "The same seed gives the same result", "Derselbe Startwert ergibt dasselbe Ergebnis")
SECONDS = Word("seconds", "Length", "Länge", "s")
FRAMES = Word("frames", "Length in frames", "Länge in Bildern", "frames")
FPS = Word("fps", "Frames in a second", "Bilder pro Sekunde", "fps")
WIDTH = Word("width", "Width of the picture", "Breite des Bildes", "px")
HEIGHT = Word("height", "Height of the picture", "Höhe des Bildes", "px")
CFG = Word("cfg", "How closely the result follows the prompt", "Wie genau das Ergebnis der Beschreibung folgt")
GUIDANCE = Word("guidance", CFG.en, CFG.de)
STEPS = Word("steps", "Sampling steps; more take longer", "Abtastschritte; mehr dauern länger", "steps")
STRENGTH = Word("strength", "How strongly it takes effect", "Wie stark es wirkt")
FILES: Mapping[str, Word] = {
    "audio_upload": Word("audio", "A sound file to start from", "Eine Tondatei als Ausgangspunkt"),
    "image_upload": Word("image", "A picture to start from", "Ein Bild als Ausgangspunkt"),
    "video_upload": Word("video", "A video to start from", "Ein Video als Ausgangspunkt"),
    "file_upload": Word("file", "A file to start from", "Eine Datei als Ausgangspunkt"),
}
# Inputs that hold a text for the model, whether or not the table says that they have several lines.
TEXTS: Mapping[str, Word | None] = {
    "text": None,
    "prompt": None,
    "positive_prompt": PROMPT,
    "positive": PROMPT,
    "tags": PROMPT,
    "caption": PROMPT,
    "text_g": None,
    "text_l": None,
    "clip_l": None,
    "clip_g": None,
    "t5xxl": None,
    "negative_prompt": NEGATIVE,
    "negative": NEGATIVE,
    "lyrics": LYRICS,
}
NUMBERS: Mapping[str, Word] = {
    "seed": SEED,
    "noise_seed": SEED,
    "seconds": SECONDS,
    "duration": SECONDS,
    "seconds_total": SECONDS,
    "audio_duration": SECONDS,
    "length": FRAMES,
    "num_frames": FRAMES,
    "video_frames": FRAMES,
    "frames": FRAMES,
    "fps": FPS,
    "frame_rate": FPS,
    "width": WIDTH,
    "height": HEIGHT,
    "steps": STEPS,
    "cfg": CFG,
    "cfg_scale": CFG,
    "cfg_coef": CFG,
    "guidance": GUIDANCE,
    "guidance_scale": GUIDANCE,
    "denoise": Word(
        "denoise", "How much of the start is replaced; 1 is all of it", "Wie viel vom Anfang ersetzt wird; 1 ist alles"
    ),
    "shift": Word("shift", "Shift of the noise schedule", "Verschiebung des Rauschplans"),
    "lyrics_strength": Word("lyrics_strength", "How strongly the lyrics guide", "Wie stark der Liedtext lenkt"),
    "strength": STRENGTH,
    "strength_model": Word("lora_strength", "How strongly the LoRA takes effect", "Wie stark die LoRA wirkt"),
    "bpm": Word("bpm", "Beats in a minute", "Schläge pro Minute", "bpm"),
    "temperature": Word("temperature", "How freely is chosen", "Wie frei gewählt wird"),
    "top_k": Word("top_k", "How many candidates are looked at", "Wie viele Möglichkeiten betrachtet werden"),
    "top_p": Word(
        "top_p", "Which share of candidates is looked at", "Welcher Anteil der Möglichkeiten betrachtet wird"
    ),
    "sample_rate": Word("sample_rate_hz", "Samples in a second", "Abtastwerte pro Sekunde", "Hz"),
}
# Inputs that have such a name and mean something else: a piece of a batch, a part of the picture.
OTHERWISE: Mapping[str, tuple[str, ...]] = {
    "ImageFromBatch": ("length",),
    "TrimAudioDuration": ("duration",),
    "ConditioningSetArea": ("width", "height", "strength"),
    "GLIGENTextBoxApply": ("width", "height"),
    "SolidMask": ("width", "height"),
}
CHOICES: Mapping[str, Word] = {
    "sampler_name": Word("sampler_name", "The sampling method", "Das Abtastverfahren"),
    "scheduler": Word("scheduler", "How the noise is spread over the steps", "Wie das Rauschen verteilt wird"),
    "keyscale": Word("keyscale", "The key", "Die Tonart"),
    "timesignature": Word("timesignature", "Beats in a bar", "Schläge pro Takt"),
    "language": Word("language", "The language of the lyrics", "Die Sprache des Liedtextes"),
    "quality": Word("quality", "Bit rate of the file", "Bitrate der Datei"),
}
SWITCHES: Mapping[str, Word] = {
    "instrumental": Word("instrumental", "Music without a voice", "Musik ohne Gesang"),
}
# In which order they stand in the definition; all others follow.
ORDER = (
    *("prompt", "lyrics", "negative_prompt", "text", "image", "audio", "video", "file"),
    *("seconds", "frames", "fps", "width", "height", "steps", "cfg", "guidance", "seed"),
)

# Folders below ComfyUI's models/, by the input that names a file in them.
FOLDERS: Mapping[str, str] = {
    "ckpt_name": "checkpoints",
    "unet_name": "diffusion_models",
    "vae_name": "vae",
    "clip_name": "text_encoders",
    "clip_name1": "text_encoders",
    "clip_name2": "text_encoders",
    "clip_name3": "text_encoders",
    "clip_name4": "text_encoders",
    "lora_name": "loras",
    "control_net_name": "controlnet",
    "style_model_name": "style_models",
    "gligen_name": "gligen",
    "hypernetwork_name": "hypernetworks",
    "photomaker_model_name": "photomaker",
    "audio_encoder_name": "audio_encoders",
}
CLASS_FOLDERS: Mapping[str, str] = {
    "CLIPVisionLoader": "clip_vision",
    "UpscaleModelLoader": "upscale_models",
    "ModelPatchLoader": "model_patches",
    "DiffusersLoader": "diffusers",
    "LatentUpscaleModelLoader": "latent_upscale_models",
}
