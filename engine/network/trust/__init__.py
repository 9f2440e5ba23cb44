"""What may be believed of nodes: signed receipts, probes, tests for censorship, choices that replay."""
