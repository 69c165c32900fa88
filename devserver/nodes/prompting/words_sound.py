"""Words for moods, textures and production. ``word+`` also stands for its plural, ``word*`` for its German endings."""

from __future__ import annotations

MOOD_WORDS: dict[str, str] = {
    "energetic": "energetic, high energy, upbeat, driving, powerful, lively, energy, intense, energisch*, treibend*,"
    " kraftvoll*, energiegeladen*, lebhaft*, mitreißend*, schwungvoll*, vigorous, relentless, hard hitting, wild*,"
    " wild,"
    " explosive, intensiv*, mächtig*",
    "aggressive": "screaming, screamed, aggressive, angry, furious, brutal, violent, rage, aggressiv*, wütend*,"
    " zornig*, brutal*, fierce,"
    " vicious, menacing, bedrohlich*, evil, böse, bös*",
    "dark": "dark, darker, gloomy, sinister, ominous, brooding, moody, bleak, düster*, düstr*, dunkel, dunkl*,"
    " finster*,"
    " finstr*, grim, unheilvoll*, noir",
    "eerie": "eerie, spooky, haunting, creepy, haunted, scary, unheimlich*, gruselig*, ghostly, geisterhaft*,"
    " halloween,"
    " horror, schaurig*",
    "sad": "sad, sorrowful, mournful, heartbroken, tragic, traurig*, tragisch*, tearful, grieving, depressive,"
    " depressing",
    "melancholic": "melancholic, melancholy, wistful, bittersweet, melancholisch*, schwermütig*, wehmütig*",
    "happy": "happy, joyful, cheerful, fröhlich*, heiter*, heitr*, sunny, glücklich*, joyous, jolly, sonnig*, lustig*,"
    " merry, gut gelaunt*, carefree, unbeschwert*",
    "uplifting": "uplifting, inspiring, motivational, feel good, inspirational, erhebend*, inspirierend*, motivierend*,"
    " positive, optimistic, positiv*",
    "hopeful": "hopeful, hoffnungsvoll*, hope, zuversichtlich*",
    "euphoric": "euphoric, ecstatic, euphorisch*, blissful",
    "calm": "calm, relaxed, relaxing, peaceful, gentle, quiet, soothing, serene, chill, chilled, laid back, mellow,"
    " ruhig*, entspannt*, entspannend*, friedlich*, sanft*, stille, stiller, stilles, stillen, leise, leis*, tranquil,"
    " calming, beruhigend*, gemütlich*,"
    " cozy, cosy, chillig*, easy going, gelassen*",
    "meditative": "meditative, contemplative, meditativ*, nachdenklich*, reflective, pensive, introspective",
    "dreamy": "dreamy, dreamlike, floating, verträumt*, träumerisch*, schwebend*, traumhaft*, floaty, hazy, surreal",
    "epic": "epic, heroic, triumphant, bombastic, majestic, episch*, heroisch*, triumphal*, bombastisch*, monumental,"
    " grandiose, victorious, glorious, majestätisch*, monumental*, triumphierend*",
    "dramatic": "dramatic, dramatisch*, theatrical",
    "tense": "tension, tense, suspenseful, suspense, spannend*, spannungsvoll*, nervous, anxious, angespannt*,"
    " thrilling,"
    " urgent",
    "restless": "restless, rastlos*, unruhig*, hektisch*, frantic, hectic, chaotic, chaotisch*",
    "mysterious": "mysterious, enigmatic, mystical, mystic, geheimnisvoll*, rätselhaft*, mystisch*, magical, magisch*",
    "playful": "playful, quirky, funny, whimsical, verspielt*, witzig*, silly, goofy, cheeky, humorous, skurril*",
    "nostalgic": "nostalgic, nostalgia, nostalgisch*, reminiscent, sehnsüchtig*, longing, yearning, sehnsuchtsvoll*",
    "romantic": "romantic, love song, liebeslied, romantisch*, tender, zärtlich*, lovely, liebevoll*",
    "sensual": "sensual, sexy, seductive, sinnlich*, sultry, verführerisch*",
    "passionate": "passionate, leidenschaftlich*, fiery, feurig*",
    "emotional": "emotions, emotional, emotional*, moving, touching, gefühlvoll*, bewegend*, heartfelt, rührend*,"
    " expressive",
    "intimate": "intimate, intim*, personal, vulnerable",
    "soulful": "soulful, seelenvoll*",
    "beautiful": "beautiful, schön*, wunderschön*, gorgeous, pretty",
    "groovy": "groovy, funky, groovig*, danceable, tanzbar*, bouncy, catchy, eingängig*, funkig*",
    "hypnotic": "hypnotic, trippy, trance like, mesmerizing, hypnotisch*, tranceartig*, psychedelic, psychedelisch*",
    "festive": "festive, celebratory, festlich*, feierlich*, party, solemn, christmas, weihnachtlich*",
    "lonely": "lonely, einsam*, desolate, lonesome, isolated, verlassen*",
    "elegant": "elegant, elegant*, sophisticated, classy, stylish, graceful, anmutig*",
    "cool": "cool, cool*, badass, swagger, confident, selbstbewusst*",
}

TEXTURE_WORDS: dict[str, str] = {
    "warm": "warm, warm*, wärm*, cozy sounding",
    "cold": "kühl*, cold, icy, kalt*, eisig*, frosty, chilly",
    "bright": "bright, helle, heller, helles, hellen, brilliant, leuchtend*, strahlend*",
    "heavy": "kräftig*, wuchtig*, heavy, schwer*, massive, massiv*, weighty",
    "hard": "hard, hart*, harsh",
    "soft": "soft, weich*, softly, zart*, delicate, subtle",
    "deep": "bassy, boomy, deep, tief*",
    "fat": "fat, fett*, thick, phat, dicke, dicker, dickes, dicken",
    "huge": "huge, big, enormous, riesig*, groß*, gigantic, gewaltig*, larger than life",
    "punchy": "punchy, druckvoll*, knackig*, snappy, tight, knallig*",
    "crisp": "crisp, clear, clean, klar*, sauber*, polished",
    "dirty": "raspy, dirty, gritty, grimy, dreckig*, schmutzig*, filthy, rough, rau*, raw, crunchy",
    "dusty": "dusty, staubig*",
    "smooth": "smooth, silky, geschmeidig*, glatt*, creamy",
    "lush": "lush, rich, üppig*, full, voll*",
    "sparse": "minimalist, sparse, minimal, minimalistic, minimalistisch*, spärlich*, reduced, reduziert*,"
    " stripped down,"
    " stripped back, simple, einfach*",
    "dense": "dense, layered, dicht*, busy, vielschichtig*, complex, komplex*, intricate",
    "spacious": "spacious, wide, airy, weit*, luftig*, open, expansive, roomy, räumlich*, vast",
    "distant": "distant, far away, fern*, entfernt*",
    "ethereal": "ethereal, ätherisch*, celestial, heavenly, himmlisch*, otherworldly, angelic",
    "atmospheric": "atmospheric, atmosphärisch*, atmosphere, sphärisch*, moody atmosphere",
    "cinematic": "cinematic, filmisch*, kinoreif*",
    "organic": "organic, organisch*, natural, natürlich*",
    "acoustic": "acoustic, akustisch*, unplugged",
    "electronic": "synthetic, synthetisch*",
    "metallic": "metallic, metallisch*",
    "glassy": "glassy, gläsern*, crystalline, kristallklar*, shimmering, schimmernd*, sparkling, glitzernd*, twinkling",
    "distorted": "distorted, verzerrt*, overdriven, fuzzy, fuzz, übersteuert*",
    "muted": "muted, gedämpft*, muffled, dumpf*",
    "chopped": "chopped, zerhackt*, choppy",
    "rolling": "rolling, rollend*",
    "soaring": "soaring",
    "evolving": "evolving, morphing, entwickelnd*, shifting, wandelnd*",
    "pulsing": "pulsing, pulsating, pulsierend*, throbbing",
    "growling": "growling, growl, knurrend*",
    "squelchy": "squelchy, squelching, squelch",
    "washed out": "washed out, verwaschen*",
    "anthemic": "anthemic, hymnisch*, stadium",
    "jazzy": "jazzy, jazzig*",
    "bluesy": "bluesy, bluesig*",
    "melodic": "melodic, melodious, melodisch*, tuneful",
    "rhythmic": "rhythmic, rhythmisch*, percussive, perkussiv*",
    "repetitive": "repetitive, repetitiv*, monotonous, monoton*",
    "vintage": "vintage, retro, old school, oldschool, old fashioned, altmodisch*",
    "modern": "modern, modern*, contemporary, zeitgenössisch*",
    "futuristic": "futuristic, futuristisch*, sci fi, cyberpunk, space age",
    "exotic": "exotic, exotisch*, tribal, ethnic, oriental, orientalisch*, eastern",
    "sharp": "sharp, piercing, edgy, scharf*, schrill*",
    "light": "light, leicht*, feathery, lightweight",
    "smoky": "smoky, rauchig*",
    "dynamic": "dynamic, dynamisch*",
    "flowing": "flowing, fließend*",
    "steady": "rock solid, steady, gleichmäßig*",
    "solo": "solo, only, just, nur, unaccompanied, unbegleitet*, solistisch*",
}

PRODUCTION_WORDS: dict[str, str] = {
    "reverb": "reverb+, reverberant, hall, nachhall, verhallt*, reverb drenched, echoey, cavernous",
    "dry": "dry, trocken*",
    "spring reverb": "spring reverb+, federhall",
    "gated": "gated, gated reverb, gated snare",
    "delay": "delay+, echo, echoes, echos, delayed",
    "tape": "tape, tape saturation, tape wobble, tape hiss, cassette, tonband, bandsättigung, kassette,"
    " wow and flutter",
    "vinyl crackle": "vinyl crackle, vinyl, crackle, crackling, schallplattenknistern, vinylknistern, plattenknistern,"
    " knistern, vinyl noise, record crackle",
    "sidechain": "sidechain, side chain, sidechained, ducking, sidechain compression, pumping, pumpend*",
    "compression": "compression, compressed, kompression, komprimiert*, parallel compression",
    "saturation": "saturation, saturated, sättigung, gesättigt*",
    "distortion": "distortion, overdrive, verzerrung",
    "bitcrushed": "bitcrushed, bit crushed, bitcrusher, bit crusher",
    "8-bit": "8 bit, 16 bit chiptune, 8bit",
    "filtered": "filtered, filter, filter sweep+, gefiltert*, low pass, lowpass",
    "chorus effect": "chorus effect, chorus pedal, choruseffekt",
    "wah": "wah, wah wah",
    "phaser": "phaser, flanger, phasing, flanging",
    "tremolo": "tremolo, vibrato",
    "autotune": "autotune, auto tune, autotuned, auto tuned",
    "vocoder": "vocoder, talkbox, talk box",
    "vocal chops": "vocal chop+, chopped vocal samples",
    "samples": "sample+, sampled, gesampelt*, samplebasiert*, sampling",
    "glitch effects": "glitchy, glitch effects, glitches, stutter, stuttering",
    "reversed": "reversed, reverse, rückwärts, backwards",
    "noise": "noise, white noise, rauschen, hiss, lärm, noisy",
    "rain": "rain, regen, rain sounds, regengeräusche, regentropfen",
    "waves": "running water, water sounds, ocean waves, waves, meeresrauschen, wellen, sea sounds",
    "wind": "wind, windgeräusche",
    "birds": "birds, birdsong, vogelgezwitscher, vögel",
    "field recordings": "field recording+, nature sounds, naturgeräusche, foley, feldaufnahmen, naturklänge",
    "riser": "riser+, uplifter+, sweeps",
    "impacts": "impact+, hits, booms, braams, braam",
    "fade-out": "fade out, fades out, ausblenden, ausklingen, fading out, ausgeblendet",
    "fade-in": "fade in, fades in, einblenden",
    "analog": "analog, analogue, analog*",
    "live": "live, live recording, live aufgenommen, liveaufnahme, in concert",
    "mono": "mono",
    "stereo": "wide stereo, stereo, stereo width, breites stereo",
    "radio-ready": "radio ready, broadcast quality, professionally mixed, high fidelity, hi fi, high quality",
    "loud": "loud, laut*",
    "swing": "swing, swung, swinging, shuffle, shuffled, swingend*, geshuffelt*",
    "syncopated": "syncopated, syncopation, synkopiert*, synkopen",
    "offbeat": "offbeat+, off beat, skank, skanking, upstrokes",
    "half-time": "half time, halftime",
    "double-time": "double time, doubletime",
    "four on the floor": "four on the floor, four to the floor, 4 on the floor",
    "polyrhythmic": "polyrhythmic, polyrhythm+, polyrhythmisch*",
    "fingerpicked": "fingerpicked, fingerpicking, finger picked, gezupft*, plucked, picked, zupfend*",
    "strummed": "strummed, strumming, geschrammelt*",
    "palm-muted": "palm muted, palm muting",
    "pizzicato": "pizzicato",
    "staccato": "staccato",
    "legato": "legato",
}
