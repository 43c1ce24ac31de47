"""The model code. Every checkpoint on the Hub carries a copy of this flat folder."""
