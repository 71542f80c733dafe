"""Acme's shop: two services with canaries, on nodes of their own."""

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

import components as canary

PATHS = {"cart": "/cart", "payment": "/pay"}


def service(namespace: str, name: str) -> canary.ServiceSpec:
    """What a service of the shop is: HTTP on port 8080, behind the gateway."""
    described = {
        "kind": "api",
        "namespace": namespace,
        "ports": [{"name": "http", "port": 8080}],
        "replicas": 2,
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"cpu": "1", "memory": "256Mi"},
        },
        "probes": {"readiness": {"http": {"path": "/health", "port": 8080}}},
        "routes": [{"name": name, "prefix": PATHS[name]}],
        "trafficPolicy": {"loadBalancer": "LEAST_REQUEST"},
    }
    return canary.ServiceSpec.model_validate(described)


def shop(site: str, config: pulumi.Config) -> None:
    """Declares the shop in one cluster."""
    context, cluster = config.require("context"), config.require("cluster")
    name = config.get("namespace") or "shop"
    provider = k8s.Provider(site, context=context, cluster_identifier=cluster, upsert_existing_objects=True)
    in_cluster = pulumi.ResourceOptions(providers=[provider])
    described = {"name": name, "labels": {"istio-injection": "enabled"}}
    namespace = k8s.core.v1.Namespace(f"{site}-shop", metadata=described, opts=in_cluster)
    shared = canary.PlatformArgs(
        context=context,
        host=config.require("host"),
        gateway=config.require("gateway"),
        canary_header=canary.CanaryHeader(name="x-acme-try", value="next"),
        labels={"team": "shop"},
        production=config.require_bool("production"),
        field_manager="acme-shop",
    )
    platform = canary.Platform(site, shared)
    role = canary.NodeRole(f"{cluster}-shop-nodes")
    group = canary.DomainNodeGroupArgs(
        cluster_name=cluster,
        subnet_ids=aws.eks.get_cluster_output(name=cluster).vpc_config.subnet_ids,
        role_arn=role.arn,
        size=canary.NodeGroupSettings(min=1, desired=1, max=3),
        domain="shop",
        label="acme.test/team",
        after=role.policies,
    )
    nodes = canary.DomainNodeGroup(f"{site}-shop", group)
    tags, rollouts = config.require_object("tags"), config.get_object("rollouts") or {}
    services = {}
    for app in PATHS:
        rollout = rollouts.get(app, {"phase": 0, "tag": tags[app]})
        services[f"{site}-{app}"] = canary.CanaryServiceArgs(
            platform=platform,
            app=app,
            service=service(name, app),
            stable=canary.Image(f"registry.acme.test/{app}", tags[app]),
            canary=canary.Image(f"registry.acme.test/{app}", rollout["tag"]),
            rollout=canary.RolloutSettings(phase=rollout["phase"]),
            placement=nodes.placement,
            nodes=[nodes.node_group],
            namespace=namespace,
        )
    canary.canary_services(services, in_cluster)


shop(pulumi.get_stack(), pulumi.Config())
