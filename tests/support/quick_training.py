"""Options of a training that ends in a second, for tests of the commands."""

TOY = "hidden_size=16,intermediate_size=16,num_attention_heads=2,num_hidden_layers=1,value_rank=2"
"""A small model, as changes to a config."""

QUICK = ["--num_train_epochs", "1", "--config_overrides", TOY, "--use_cpu", "--report_to", "none"]
"""One epoch with this model."""
