"""Taking services back: routes first, then config, cluster and state (rule 12).

`run` has the whole of it. The first stroke (`stroke`, `routes`) moves the routes straight at the API, before Pulumi or
a model is loaded; `files` tells it where they are. The second stroke, `reconcile`, writes phase 0 to the stack's file
(`stack_file`) and runs one update of canaries and routes (`targets`).
"""
