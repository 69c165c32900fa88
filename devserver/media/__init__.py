"""The files of a run: taken in, measured, tagged, drawn and heard."""
