"""What is refused before anything changes, and why (docs/rules.md).

A new guard of one service goes into `guards`, one that looks at the whole update into `review`. Either gives a
`Refusal`; the rule's number is added in `refusal`, its title in `rules`, and its section in docs/rules.md.
"""
