import re
from mfa import services
from mfa.models import Passkey


def test_all(kim, admin, administrator, company):
    assert kim.enter_password().headers["Location"] == "/"
    assert kim.is_in
    kim.client.post("/logout/")
    services.enable_two_factor(kim.user, actor=admin)
    r = kim.enter_password(next="/m2s/")
    assert r.headers["Location"] == "/login/setup/two-factor/"
    assert not kim.is_in
    page = kim.client.get("/login/setup/two-factor/").content.decode()
    key = re.search(r'id="key">([^<]+)<', page)[1].replace(" ", "")
    setup = re.search(r'name="setup" value="([^"]+)"', page)[1]
    import base64

    kim.app_key = base64.b32decode(key)
    r = kim.client.post("/login/setup/two-factor/", {"setup": setup, "code": kim.code()})
    assert r.headers["Location"] == "/login/setup/recovery-codes/", r.content.decode()
    r = kim.client.get("/login/setup/recovery-codes/")
    assert len(re.findall(r"<li>[0-9A-Z-]{19}</li>", r.content.decode())) == 10
    r = kim.client.post("/login/setup/recovery-codes/", {"saved": "on"})
    assert r.headers["Location"] == "/m2s/"
    assert kim.is_in
    services.request_passkey(kim.user, actor=admin)
    kim.client.post("/logout/")
    kim.enter_password()
    assert kim.client.post("/login/challenge/", {"code": "000000"}).status_code == 400
    r = kim.enter_code(kim.code(1))
    assert r.headers["Location"] == "/login/setup/passkey/"
    r = kim.create_passkey()
    assert r.json() == {"next": "/"}, r.content
    assert kim.is_in
    kim.client.post("/logout/")
    r = kim.use_passkey()
    assert r.json() == {"next": "/"}, r.content
    assert kim.is_in
    for p in [
        "/",
        "/portal/",
        "/m2s/",
        "/user-settings/",
        "/user-settings/mfa/",
        "/user-settings/password/",
        "/user-settings/mfa/two-factor/off/",
        "/user-settings/mfa/two-factor/set-up/",
        "/user-settings/mfa/passkeys/new/",
        f"/user-settings/mfa/passkeys/{Passkey.objects.get().pk}/delete/",
        f"/user-settings/mfa/passkeys/{Passkey.objects.get().pk}/rename/",
    ]:
        r = kim.client.get(p, follow=True)
        assert r.status_code == 200, (p, r.content.decode()[:2000])
    assert kim.client.get("/settings/").status_code == 403
    assert kim.client.get("/nope/").status_code == 404
    a = administrator.client
    u = f"/settings/administration/users/{kim.user.pk}/"
    c = f"/settings/administration/companies/{company.pk}/"
    for p in [
        "/settings/",
        "/settings/administration/users/",
        "/settings/administration/users/?q=k&sort=last",
        "/settings/administration/users/?q=kzzz",
        "/settings/administration/users/new/",
        u,
        u + "mfa/",
        u + "mfa/two-factor/off/",
        u + "deactivate/",
        u + "sign-out/",
        u + f"mfa/passkeys/{Passkey.objects.get().pk}/delete/",
        "/settings/administration/companies/",
        "/settings/administration/companies/new/",
        c,
        c + "edit/",
        c + "two-factor/on/",
        c + "two-factor/off/",
        c + "sign-out/",
    ]:
        r = a.get(p)
        assert r.status_code == 200, (p, r.content.decode()[:2000])
    r = a.post(u + "mfa/two-factor/off/", {"sign_out": "on"}, follow=True)
    assert "Two-factor authentication is off for Kim" in r.content.decode()
    assert not kim.is_in
