"""The record of an auction and its replay."""
