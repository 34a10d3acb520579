from django.contrib.auth.mixins import LoginRequiredMixin
from django.urls import reverse_lazy
from django.views.generic import CreateView

from .models import Letter


class LetterCreate(LoginRequiredMixin, CreateView):
    model = Letter
    fields = ("subject", "scan")
    template_name = "form.html"
    success_url = reverse_lazy("home")
    extra_context = {"title": "New letter"}
