"""What Twilio's products share: signed forms in, the REST API out. https://www.twilio.com/docs/usage

Nothing is imported here: a webhook's acknowledgement needs `form` alone.
"""
