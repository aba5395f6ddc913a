"""What tollgate costs, as ratios to what the same machine does without it.

Speeds of one machine say nothing about another, and a shared machine is not
the same from one minute to the next. So every figure is a ratio of two things
that were measured in turns, within one run, and the median of several pairs.
"""
