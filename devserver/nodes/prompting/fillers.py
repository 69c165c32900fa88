"""Words that hold a sentence together and ask for nothing by themselves."""

from __future__ import annotations

FILLERS = frozenset(
    "a about all am an and any around as at background be but by can clip composition could create do element elements"
    " feel featuring feeling for from generate genre get give gives got has have having i if im in inspired instead"
    " into"
    " is it its just kind let lets like little long lot lots made make makes making me mood more most music musical my"
    " need new of off on one only or our out over part parts piece please produce really request s short should"
    " sections so some something song songs sort sound sounding sounds style t tempo that the their them then there"
    " this"
    " through time to together too track tracks tune type up us use uses using version very vibe vibes want was we well"
    " will with would write you your beat beats minute minutes second seconds bar bars groove instruments instrument"
    " ab aber als am an auch auf aus bei bis bitte da dann das dass dem den der des die dieser dieses dran du durch ein"
    " eine einem einen einer eines er erzeuge es etwa etwas fast für gern gerne haben hätte hat ich ihr im in ins ist"
    " ja jahre kann klang klingt klingen können könnte lang lange lied mach mache machen mal man mehr mein meine mich"
    " mir mit möchte musik musikstück nach nun nur ob oder ohne schreib schreibe sehr sein sich sie sind sollen sollte"
    " song soll so stil stimmung stück takt tempo track über um und uns unter viel viele vom von vor was wie wir wird"
    " wo zu zum zur zwischen überall gib her generiere erstelle komponiere einige ca circa ungefähr etc"
    " feat ft per style styled based high low mid early late bpm key"
    " middle end double quick dauer länge duration length eher hintergrund kurz kurze kurzer kurzes don x2 x3 x4"
    " beginnend compose d ll"
    " w o under sondern ganz raum change tanz set ballad ballade none than tonart extremely last straight take".split()
)
