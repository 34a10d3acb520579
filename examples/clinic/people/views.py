from django.contrib.auth.mixins import LoginRequiredMixin
from django.urls import reverse_lazy
from django.views.generic import UpdateView

from .models import Profile


class ProfileUpdate(LoginRequiredMixin, UpdateView):
    """The form of the own profile. The upload widget is the one that the field of the model chooses."""

    fields = ("speciality", "avatar")
    template_name = "form.html"
    success_url = reverse_lazy("home")
    extra_context = {"title": "Your profile"}

    def get_object(self, queryset=None):
        return Profile.objects.get_or_create(user=self.request.user)[0]
