"""The stand-in for `pulumi-resource-aws`: the few types in use, over boto3."""
