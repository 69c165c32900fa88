"""Words for instruments, voices, languages, sections. ``word+`` is also its plural, ``word*`` its German endings."""

from __future__ import annotations

INSTRUMENT_WORDS: dict[str, str] = {
    "piano": "piano+, grand piano, klavier, klaviere, flügel, pianoforte, upright piano, keys, felt piano",
    "electric piano": "electric piano+, e piano+, epiano+, rhodes, fender rhodes, wurlitzer, wurli",
    "organ": "organ+, hammond, hammond organ, hammondorgel, orgel, orgeln, church organ, pipe organ, kirchenorgel, b3",
    "harpsichord": "harpsichord+, cembalo, cembali, spinett",
    "guitar": "guitar+, gitarre, gitarren, guitar riff+, riff+, gitarrenriff+, power chords",
    "acoustic guitar": "acoustic guitar+, akustikgitarre, akustikgitarren, akustische gitarre, akustischen gitarren,"
    " akustischer gitarre, steel string guitar, westerngitarre",
    "electric guitar": "electric guitar+, e gitarre, e gitarren, elektrische gitarre, lead guitar, stromgitarre",
    "nylon guitar": "nylongitarre, nylon guitar, nylon string guitar, classical guitar, konzertgitarre",
    "spanish guitar": "spanish guitar+, spanische gitarre, flamenco guitar, spanischer gitarre",
    "slide guitar": "slide guitar, steel guitar, pedal steel, lap steel",
    "banjo": "banjo+",
    "mandolin": "mandolin+, mandoline",
    "ukulele": "ukulele+",
    "sitar": "sitar+",
    "harp": "harp+, harfe, harfen",
    "lute": "lautenmusik, lute+, lyre, leier",
    "koto": "koto, shamisen, guzheng, pipa",
    "oud": "oud, bouzouki, balalaika, saz",
    "kora": "kora",
    "dulcimer": "dulcimer+, hackbrett, zither, santur",
    "strings": "orchestral strings, strings, string section, streicher, streichern, string quartet, streichquartett,"
    " streichorchester,"
    " string ensemble, streicherfläche, streicherflächen",
    "violin": "violin+, geige, geigen, violine, violinen",
    "fiddle": "fiddle+, fidel",
    "viola": "viola+, bratsche, bratschen",
    "cello": "cello+, celli, violoncello",
    "orchestra": "orchestra, orchester, full orchestra, symphony orchestra",
    "flute": "flute+, flöte, flöten, recorder, blockflöte, pan flute, panflöte, querflöte, tin whistle, shakuhachi",
    "clarinet": "clarinet+, klarinette, klarinetten",
    "oboe": "oboe+, oboen",
    "bassoon": "bassoon+, fagott",
    "saxophone": "saxophone+, sax, saxophon, saxofon, tenor sax, alto sax, saxophones, saxes",
    "trumpet": "trumpet+, trompete, trompeten, flugelhorn, flügelhorn",
    "trombone": "trombone+, posaune, posaunen",
    "french horn": "french horn+, waldhorn, waldhörner, hörner, hörnern",
    "tuba": "tuba+",
    "brass": "blasorchester, brass band, brass, horns, horn section, brass section, bläser, bläsern, blechbläser,"
    " blechbläsern, horn",
    "woodwinds": "woodwind+, holzbläser, holzbläsern",
    "harmonica": "harmonica+, mundharmonika, blues harp",
    "accordion": "accordion+, akkordeon, akkordeons, bandoneon, ziehharmonika, concertina",
    "bagpipes": "bagpipe+, dudelsack",
    "melodica": "melodica",
    "didgeridoo": "didgeridoo",
    "bell": "bell+, glocke, glocken, glöckchen, church bells, tubular bells, chime+",
    "glockenspiel": "glockenspiel",
    "vibraphone": "vibraphone+, vibraphon",
    "marimba": "marimba+",
    "xylophone": "xylophone+, xylophon",
    "celesta": "celesta, celeste",
    "music box": "music box, spieluhr",
    "kalimba": "kalimba+, mbira, thumb piano",
    "steel drums": "steel drum+, steelpan, steel pan",
    "singing bowl": "singing bowl+, klangschale, klangschalen",
    "synth": "dx7, juno, sh 101, mellotron, synth+, synthesizer+, synthesiser+, synthesizern, moog, synthies, synthie",
    "pad": "pad+, synth pad+, fläche, flächen, synthflächen, synthesizerflächen, klangflächen, klangfläche",
    "lead": "lead+, synth lead+, lead synth, leadsynth",
    "pluck": "pluck+, synth pluck+",
    "stab": "stab+, rave stab+, chord stab+, hoover",
    "supersaw": "supersaw+, super saw+, saw waves",
    "arpeggio": "arpeggio+, arp+, arpeggiated, arpeggiator, arpeggien, arpeggiert*, arpeggios",
    "theremin": "theremin",
    "bass": "bass, basses, bassline+, bass line+, basslinie, basslauf, bassläufe, bässe, bässen, basses, walking bass,"
    " bass notes",
    "bass guitar": "bass guitar+, bassgitarre, e bass, electric bass",
    "double bass": "string bass, double bass, upright bass, kontrabass, standup bass, stand up bass, acoustic bass",
    "reese bass": "reese bass, reese, reese bassline+, reese basses",
    "sub bass": "sub bass, subbass, sub, subs",
    "808": "808, 808s, 808 bass, 808er",
    "acid bass": "303, tb 303, acid bass, acid bassline, acid line, 303 bassline, acid lines",
    "slap bass": "slap bass, slapped bass, slapbass",
    "synth bass": "synth bass, synthbass, moog bass, analog bass, saw bass",
    "wobble bass": "wobble bass, wobble, wobbles, wub, wubs, wobblebass",
    "drums": "drum+, drum kit+, drumkit, drumming, schlagzeug, trommel, trommeln, drum beat, acoustic drums, drum set",
    "drum machine": "drum machine+, drumcomputer, 909, tr 909, tr 808, linndrum, drum computer",
    "breakbeat": "breaks, break beat, amen break, amen, breaks beat, break beats",
    "percussion": "metal percussion, percussion, perkussion, percussions, percussive elements",
    "kick": "double bass drumming, double bass pedal, double kicks, kick+, kick drum+, bass drum+, bassdrum,"
    " double kick, kickdrum, doublebass, double bass drum,"
    " double bass drums",
    "snare": "snare+, snare drum+",
    "hi-hat": "hi hat+, hihat+, hats, hi hats, hi hat rolls",
    "claps": "clap+, handclap+, hand clap+, klatschen, händeklatschen, clapping",
    "cymbals": "cymbal+, becken, crash, ride",
    "toms": "tom, toms",
    "brushes": "brushes, brushed drums, besen, jazzbesen, brushed snare, brush drums",
    "shaker": "shaker+, maracas, rassel",
    "tambourine": "tambourine+, tamburin, schellenkranz",
    "bongos": "bongo+",
    "congas": "conga+",
    "tabla": "tabla+",
    "taiko": "taiko, taikos, taiko drums",
    "hand drums": "hand drum+, djembe+, cajon, darbuka",
    "frame drum": "frame drum+, bodhran",
    "gong": "gong+",
    "triangle": "triangle",
    "handpan": "handpan+, hang drum",
    "timpani": "timpani, pauken, pauke, kettle drums",
    "castanets": "castanets, kastagnetten",
    "cowbell": "cowbell+, kuhglocke",
    "scratches": "scratch, scratches, scratching, turntable+, turntablism, dj scratches",
    "whistle": "whistled, gepfiffen*, whistling, whistle, pfeifen",
    "chords": "chord+, akkord, akkorde, akkorden, chord progression, harmony, harmonies, harmonie, harmonien",
    "melody": "melody, melodies, melodie, melodien, topline",
}

VOCAL_WORDS: dict[str, str] = {
    "instrumental": "instrumental, instrumental*, instrumentals, instrumental only, rein instrumental,"
    " instrumentalstück, instrumentalmusik",
    "female": "girl group, frauenstimmen, female, female vocal+, female voice, female singer, by a woman,"
    " von einer frau, frauenstimme,"
    " weiblich*, sängerin, soprano,"
    " sopran, frauengesang, woman singing, alto voice, diva",
    "male": "male, male vocal+, male voice, male singer, by a man, von einem mann, männerstimme, männlich*, sänger,"
    " tenor, baritone, bariton,"
    " baritone voice, männergesang, man singing, crooner",
    "duet": "duet, duett, sung by two, two singers, two voices, zwei stimmen, zu zweit gesungen",
    "choir": "choir+, chor, chöre, chorgesang, choral, gospel choir, choirs, chorus of voices, chören,"
    " männerchor, frauenchor",
    "children": "kinderchor, kids choir, kids, child choir, children s choir, children choir, kinderstimmen,"
    " children s voices, child voice, kinderstimme",
    "rap": "rapper, rapped, rapping, rap vocals, rap verse, gerappt, rap vocal, rapgesang, mc",
    "spoken": "spoken word, spoken, gesprochen*, narration, sprechgesang, erzähler, narrator",
    "vocals": "lead singer+, lead vocal+, background vocal+, backing vocal+, shouting, shouts, screams, growls,"
    " chant, chants, chanting, whispers, whispered, yelling, text,"
    " texte, texten, vocal+, voice+, singer+, singing, sung, lyrics, gesang, stimme, stimmen,"
    " gesungen*, songtext, liedtext,"
    " vocalist, lead vocals, singen, singt, backing vocals, humming, falsetto, a cappella, acapella, vocal harmonies",
}

LANGUAGE_WORDS: dict[str, str] = {
    "en": "english, englisch*",
    "de": "german, deutsch*",
    "es": "spanish, spanisch*",
    "fr": "french, französisch*",
    "it": "italian, italienisch*",
    "pt": "portuguese, portugiesisch*, brazilian portuguese",
    "nl": "dutch, niederländisch*",
    "sv": "swedish, schwedisch*",
    "pl": "polish, polnisch*",
    "ru": "russian, russisch*",
    "tr": "turkish, türkisch*",
    "ar": "arabic, arabisch*",
    "hi": "hindi",
    "ja": "japanese, japanisch*",
    "ko": "korean, koreanisch*",
    "zh": "chinese, mandarin, chinesisch*",
    "la": "latin, latein, lateinisch*",
}

SECTION_WORDS: dict[str, str] = {
    "intro": "intro+, introduction, vorspiel, einleitung, opening",
    "verse": "verse+, strophe, strophen, vers, verses",
    "pre-chorus": "pre chorus, prechorus, pre refrain, vorrefrain",
    "chorus": "chorus, choruses, refrain+, refrains, kehrvers",
    "post-chorus": "post chorus",
    "hook": "hook+",
    "bridge": "bridge+, brücke, middle eight, middle 8, mittelteil, überleitung",
    "build": "build, builds, build up, build ups, buildup, aufbau, builds up, steigerung",
    "drop": "drop+",
    "break": "break, breakdown+, break down, bruch, breakdowns",
    "solo": "solos, soli",
    "interlude": "interlude+, zwischenspiel, instrumental break",
    "outro": "outro+, coda, nachspiel, schlussteil, ending",
}
