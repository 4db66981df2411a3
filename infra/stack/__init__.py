"""The AWS side of a stage: its CloudFormation template, its functions' policies, and what `deskweave up` does."""
