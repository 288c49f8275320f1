"""The Textual application: three live panes over the engine's journal, and a form that moves stock."""
