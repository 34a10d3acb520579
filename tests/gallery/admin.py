"""The models in Django's admin, without an option for uploads."""

from django.contrib import admin

from .models import Profile, Report

admin.site.register([Profile, Report])
