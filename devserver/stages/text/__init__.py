"""Stages that check and change the text of a run."""
