"""Rules as data, and the verdicts that they give."""
