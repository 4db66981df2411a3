"""A stage of Deskweave deployed to ministack by CloudFormation: our own stack, and what `chalice package` makes.

`deskweave up` makes the stack of infra/stack/template.py; the SAM template that chalice writes is transformed by
aws-sam-translator, as CloudFormation does it on AWS, and becomes a second stack.
https://aws.github.io/chalice/topics/packaging.html · https://pypi.org/project/aws-sam-translator/
"""

from __future__ import annotations

import json
import subprocess
import threading
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.services.effects import LONGEST_CALL
from infra import schema
from infra.stack import names
from tests.deploy import ministack, tools
from tests.deploy.ministack import ACCOUNT, REGION, Ministack, Project, Ran
from tests.e2e.listening import Listening

STAGE = "e2e"
CODE = "deskweave-e2e-code"
# SAM's logical ids of the functions -> ours.
FUNCTIONS = {"APIHandler": "api", "Inbox": "inbox", "Effects": "effects", "Mail": "mail", "Clock": "clock"}
ARCHIVES = ("deployment.zip", "layer-deployment.zip")
# A worker that dies leaves its messages hidden for six time-outs on AWS, and its call open until its own: minutes here.
# `effects` begins no call with less than its longest one left.
HIDDEN_SECONDS, EFFECTS_SECONDS = 30, LONGEST_CALL // 1000 + 15
_STACK = f"deskweave-{STAGE}-app"
_SECONDS = 60
_TRANSFORM = """
import json, sys
from samtranslator.translator.transform import transform

class NoManagedPolicies:
    def load(self):
        return {}

print(json.dumps(transform(json.load(sys.stdin), {}, NoManagedPolicies())))
"""


class NotDeployed(Exception):
    """A step of the deployment failed; the message is what it said."""


@dataclass(frozen=True)
class Package:
    """What `chalice package` made of a copy of the project.

    template  CloudFormation's, SAM's transform done; `{archive}` is the key of each archive in the bucket of the code,
              `{sqs}` the address at which the `mail` function finds SQS
    """

    folder: Path
    template: str

    @property
    def out(self) -> Path:
        return self.folder / "out"


@dataclass(frozen=True)
class Stage:
    """A deployed stage. `url` is where its API is reached on this machine, `mails` what its mails went through."""

    aws: Ministack
    url: str
    mails: Listening

    @property
    def environment(self) -> dict[str, str]:
        """What points this process's own AWS clients, and our code in it, at the stage."""
        bucket = names.bucket(STAGE, ACCOUNT)
        ours = {"DESKWEAVE_STAGE": STAGE, "DESKWEAVE_ACCOUNT": ACCOUNT, "DESKWEAVE_BUCKET": bucket}
        return {**self.aws.environment, "AWS_REGION": REGION, **ours}

    def function(self, name: str) -> str:
        return names.function(STAGE, name)


def packaged(folder: Path, aws: Ministack) -> Package:
    """Set the stage up in a copy of the project and package it. Raises `NotDeployed`, `tools.NotInstalled`."""
    project = Project(ministack.copied(folder), aws)
    _ok(project.deskweave("up", "--stage", STAGE, "--yes"))
    ran = _ok(project.chalice("package", "--stage", STAGE, "out"))
    if "Could not install" in ran.out + ran.err:
        raise tools.NotInstalled("chalice could not download the functions' packages")
    return Package(folder, _transformed(json.loads((folder / "out" / "sam.json").read_text(encoding="utf-8"))))


def deployed(package: Package, aws: Ministack, mails: Listening) -> Stage:
    """Deploy it to a fresh ministack. Raises `NotDeployed`."""
    _ok(Project(package.folder, aws).deskweave("up", "--stage", STAGE, "--yes"))
    aws.client("s3").create_bucket(Bucket=CODE, CreateBucketConfiguration={"LocationConstraint": REGION})
    keys = uploaded(package.out, aws, "first")
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(
        StackName=_STACK, TemplateURL=_stored(package, keys, mails, aws), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    _waited_for("CREATE_COMPLETE", cloudformation)
    sqs = aws.client("sqs")
    for spec in schema.queues(STAGE).values():
        url = sqs.get_queue_url(QueueName=spec.name)["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(HIDDEN_SECONDS)})
    (api,) = aws.client("apigateway").get_rest_apis()["items"]
    return Stage(aws, f"{aws.url}/restapis/{api['id']}/api/_user_request_", mails)


def updated(package: Package, stage: Stage, note: str) -> None:
    """Deploy code that differs: the same package with one more file, `note`, in the functions' archive."""
    newer = package.folder / "newer"
    newer.mkdir(exist_ok=True)
    for archive in ARCHIVES:
        (newer / archive).write_bytes((package.out / archive).read_bytes())
    with zipfile.ZipFile(newer / ARCHIVES[0], "a") as opened:
        opened.writestr("deployed.txt", note)
    cloudformation = stage.aws.client("cloudformation")
    template = _stored(package, uploaded(newer, stage.aws, note), stage.mails, stage.aws)
    cloudformation.update_stack(StackName=_STACK, TemplateURL=template, Capabilities=["CAPABILITY_NAMED_IAM"])
    _waited_for("UPDATE_COMPLETE", cloudformation)


def uploaded(folder: Path, aws: Ministack, note: str) -> dict[str, str]:
    """Put the archives into the bucket of the code; returns archive -> its key there."""
    keys = {archive: f"{note}/{archive}" for archive in ARCHIVES}
    for archive, key in keys.items():
        aws.client("s3").upload_file(str(folder / archive), CODE, key)
    return keys


def _stored(package: Package, keys: Mapping[str, str], mails: Listening, aws: Ministack) -> str:
    """The template with its keys filled in, as an object; returns its address. It is too large for a request."""
    text = package.template
    for gap, filled in {**keys, "sqs": mails.url}.items():
        text = text.replace(f"{{{gap}}}", filled)
    aws.client("s3").put_object(Bucket=CODE, Key="template.json", Body=text.encode())
    return f"{aws.url}/{CODE}/template.json"


def _transformed(sam: dict[str, Any]) -> str:
    """SAM's template as CloudFormation's. Everything gets the name that `chalice deploy` gives it."""
    for name, resource in sam["Resources"].items():
        properties = resource["Properties"]
        for uri in {"CodeUri", "ContentUri"} & properties.keys():
            properties[uri] = {"Bucket": CODE, "Key": f"{{{Path(properties[uri]).name}}}"}
        if name in FUNCTIONS:
            properties["FunctionName"] = names.function(STAGE, FUNCTIONS[name])
        if name == "Effects":
            properties["Timeout"] = EFFECTS_SECONDS
        if name == "Mail":
            properties["Environment"]["Variables"]["AWS_ENDPOINT_URL_SQS"] = "{sqs}"
        for event in properties.get("Events", {}).values():
            if event["Type"] == "Schedule":
                event["Properties"]["Name"] = names.clock_rule(STAGE)
    command = [str(tools.interpreter("sam")), "-c", _TRANSFORM]
    given = tools.clean_environment(AWS_DEFAULT_REGION=REGION)
    ran = subprocess.run(command, input=json.dumps(sam), capture_output=True, text=True, env=given, check=False)
    if ran.returncode:
        raise NotDeployed(f"aws-sam-translator: {ran.stderr[-2000:]}")
    return ran.stdout


def _ok(ran: Ran) -> Ran:
    if ran.code:
        raise NotDeployed(f"{ran.out[-1000:]}\n{ran.err[-2000:]}")
    return ran


def _waited_for(status: str, cloudformation: Any) -> None:
    pause = threading.Event()
    for _ in range(_SECONDS * 10):
        (stack,) = cloudformation.describe_stacks(StackName=_STACK)["Stacks"]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            break
        pause.wait(0.1)
    if stack["StackStatus"] != status:
        raise NotDeployed(f"{_STACK} is {stack['StackStatus']}: {stack.get('StackStatusReason', '')}")


def queues() -> list[str]:
    """The names of the stage's queues, those of dead letters included."""
    return [name for spec in schema.queues(STAGE).values() for name in (spec.name, spec.dead_name)]
