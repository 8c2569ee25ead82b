"""Narration without lies: in goes an `Analysis`, out come facts, a prompt, and a model's words made of those facts.

Pure: nothing here asks a model. `facts` states what may be said, `prompt` and `schema` ask for words, `verify` judges
them, `prompt` asks once more for what was refused, `compose` fills the slots of what was accepted. What was not is
left to the report's own words. Only `facts` is imported in a run without a model, so nothing is imported here.
"""
