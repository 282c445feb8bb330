"""Reading English prose: quotation marks, sentences, names, dates. Rules, no model: each can be looked up."""
