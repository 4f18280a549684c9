"""A class takes a lab together: three students, their instructor, and a projector; and what nobody else may see."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from labs.catalog import find_lab, name_of
from ledger import identity, load_secret, new_student_id
from ledger.identity import INSTRUCTOR, STUDENT, Bearer, sign_role
from ledger.people import remember_person
from tests.browser.judge import all_faults
from tests.browser.server import Server
from tests.browser.student import Student
from tests.browser.teacher import Teacher, instructor_token, seconds_until
from tests.browser.walk import breaking_context, letter, walk

LAB = find_lab(1, 2)
#: How a right option is marked on the wire.
RIGHT = '["right",true]'
NAMES = ("Ada Lovelace", "Grace Hopper", "=SUM(A1:A9)")


def predicts(student: Student, right: bool) -> None:
    """Locks Act I; what follows is for the test to see."""
    answer = letter(student.run().act1.prediction(), right)
    student.prediction.locator(f"input[type=radio][value='{answer}']").check()
    student.prediction.get_by_role("button", name="Lock prediction").click()


def test_a_class_votes_discusses_votes_again_and_sees(new_student: Callable[..., Student], server: Server) -> None:
    students = [new_student(lab=LAB) for _ in NAMES]
    ids = [new_student_id() for _ in NAMES]
    early = new_student_id()
    walk(LAB, server.ledger(early), "act1_explore")
    for student, student_id, name in zip(students, ids, NAMES, strict=True):
        remember_person(server.store(), student_id, name)
        student.is_known_as(student_id).opens().goes_to("Act I")
    teacher, projector = Teacher(new_student(), LAB).opens(), Teacher(new_student(), LAB).opens("?projector=1")
    took: dict[str, float] = {}
    ada, grace, _ = students
    others_opened = int(teacher.count("Locked Act I").inner_text())

    # Nobody's name is on the screen before it is asked for.
    assert not any(map(teacher.has_been_told, (*NAMES, *ids)))
    teacher.page.get_by_role("button", name="Show names").click()
    expect(teacher.part("Where everybody stands")).to_contain_text(NAMES[0])

    # Vote: predictions are locked as ever, and what follows waits.
    teacher.presses("Open a class round")
    expect(projector.part("Class round on Act I")).to_contain_text("The class votes")
    for k, student in enumerate(students):
        predicts(student, right=student is ada)
        seen = expect(teacher.part("Class round on Act I").locator(".round-count"))
        took[f"vote {k + 1}"] = seconds_until(lambda seen=seen, k=k: seen.to_contain_text(f"{k + 1} student"))
        expect(student.panel.get_by_role("region", name="Class round")).to_contain_text("Wait for the class")
        expect(student.controls).to_have_count(0)
        expect(student.standing("Act I prediction")).to_have_text("–")
    took["projector"] = seconds_until(
        lambda: expect(projector.count("Locked Act I")).to_have_text(str(others_opened + 3))
    )
    expect(projector.part("Act I: prediction")).to_contain_text("covered while the class casts them")
    assert all_faults(ada.page) == []
    # A reload changes nothing.
    ada.reloads()
    expect(ada.panel.get_by_role("region", name="Class round")).to_contain_text("Wait for the class")
    expect(ada.controls).to_have_count(0)
    # Whoever has seen the instruments before is not held back.
    ahead = new_student(lab=LAB).is_known_as(early).opens()
    expect(ahead.controls).to_be_visible()
    expect(ahead.panel.get_by_role("region", name="Class round")).to_have_count(0)

    teacher.presses("End the vote: discuss")
    for student in students:
        panel = student.panel.get_by_role("region", name="Class round")
        took["discuss"] = seconds_until(lambda panel=panel: expect(panel).to_contain_text("Discuss with your"))
    expect(teacher.part("Class round on Act I").get_by_role("row")).to_have_count(5)

    teacher.presses("Vote again")
    answer = letter(ada.run().act1.prediction(), True)
    for student in (ada, grace):
        panel = student.panel.get_by_role("region", name="Class round")
        panel.locator(f"input[value='{answer}']").check()
        panel.get_by_role("button", name="Cast second vote").click()
        expect(panel.locator(".votes > div")).to_have_count(2)
    took["second votes"] = seconds_until(
        lambda: expect(projector.part("Class round on Act I")).to_contain_text("2 a second time")
    )

    # What is right is on no screen before the reveal: not in words, and not in the data behind them.
    truth = LAB(server.ledger(ids[0])).act1.prediction()
    shown = truth.form(truth.actual)
    for screen in (teacher, projector):
        assert not screen.has_been_told(f"The model gives {shown}")
        assert not screen.has_been_told(RIGHT)
        expect(screen.page.get_by_text("✓ right")).to_have_count(0)
    expect(ada.overlay).to_have_count(0)
    teacher.presses("Reveal to everybody")
    for student in students:
        took["reveal"] = seconds_until(lambda student=student: expect(student.controls).to_be_visible())
    expect(grace.panel.get_by_role("region", name="Class round")).to_contain_text("The instruments are open")
    took["reveal on the projector"] = seconds_until(
        lambda: expect(projector.part("Act I: prediction")).to_contain_text(f"The model gives {shown}")
    )
    assert projector.has_been_told(RIGHT)
    moved = projector.part("Class round on Act I").locator(".moved > div")
    expect(moved.filter(has_text="wrong, then right").locator("dd")).to_have_text("1")
    expect(moved.filter(has_text="right both times").locator("dd")).to_have_text("1")
    # The ledger has the first predictions, whatever came second.
    assert [server.ledger(one).first_prediction(2)["correct"] for one in ids] == [True, False, False]  # type: ignore[index]

    # On to a failure and to a saved design: walked from outside where the way is not the point.
    ada.moves_by_keyboard()
    ada.reflects(right=True)
    took["reflection"] = seconds_until(
        lambda: expect(teacher.part("Act I: reflection").locator(".total")).not_to_have_text("0 students")
    )
    ada.goes_to("Act II")
    ada.predicts(right=False)
    context = breaking_context(LAB, ada.run())
    if ada.run().context != context:
        ada.switches_to(context)
    breaking = ada.run().breaking(context)
    assert breaking is not None
    ada.sets(breaking)
    expect(ada.banner.first).to_be_visible()
    took["failure"] = seconds_until(
        lambda: expect(teacher.part("Failures met in Act II").locator("li").first).to_contain_text(NAMES[0])
    )
    ada.reflects(right=True)
    saved = int(teacher.count("Saved").inner_text())
    ada.saves()
    took["saved"] = seconds_until(lambda: expect(projector.count("Saved")).to_have_text(str(saved + 1)))
    expect(projector.part("Designs").get_by_role("img").first).to_be_visible()
    print("\nseconds until seen:", {what: round(seconds, 2) for what, seconds in took.items()})

    # The projector has never heard of anybody; what it shows is fit to be seen.
    for asked in ("Act II: prediction", "Act II: reflection"):
        projector.part(asked).get_by_role("button", name="Reveal what is right").click()
        expect(projector.part(asked).get_by_role("button", name="Hide what is right")).to_be_visible()
    assert not any(map(projector.has_been_told, (*NAMES, *ids, *(one[:7] for one in ids), early)))
    assert teacher.has_been_told(NAMES[0])
    assert not projector.has_been_told("Show names")
    assert all_faults(projector.page) == []
    assert all_faults(teacher.page, dark=False) == []

    # The course: the matrix, its filter, and the tables.
    page = teacher.page
    page.goto(f"{server.url}/instructor")
    region = page.get_by_role("region", name="Progress of every student")
    row = region.get_by_role("row").filter(has=page.get_by_role("rowheader", name=NAMES[0]))
    expect(row.get_by_role("img", name="Saved")).to_have_count(1)
    page.get_by_label("Find a student").fill("grace")
    expect(region.locator("tbody tr:visible")).to_have_count(1)
    page.get_by_label("Find a student").fill("")
    region.get_by_role("button", name="Sort by labs saved").press("Enter")
    expect(region.locator("tbody tr").first.get_by_role("rowheader")).not_to_have_text(NAMES[1])
    expect(page.get_by_role("region", name="Labs", exact=True)).to_contain_text(" of ")
    assert all_faults(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Progress (CSV)").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    names = {row["name"]: row["V1-02"] for row in csv.DictReader(io.StringIO(text))}
    assert names[NAMES[0]] == "Saved"
    assert names[f"'{NAMES[2]}"] == "Act I: locked"


#: What is behind the instructor's pages, and must ask everybody who comes.
ADDRESSES = (
    "/instructor",
    "/instructor/",
    "/instructor/autoload.js?bokeh-autoload-element=x&bokeh-app-path=/instructor",
    "/instructor/metadata",
    "/instructor/ws",
    f"/instructor/live/{name_of(LAB)}",
    f"/instructor/live/{name_of(LAB)}?projector=1",
    f"/instructor/live/{name_of(LAB)}/metadata",
    f"/instructor/live/{name_of(LAB)}/autoload.js?bokeh-autoload-element=x",
    f"/instructor/live/{name_of(LAB)}/ws",
    "/instructor/export/progress.csv",
    "/instructor/export/predictions.csv",
    "/instructor/export/results.csv",
)


def test_nobody_but_an_instructor_gets_anything(new_student: Callable[..., Student], server: Server) -> None:
    secret = load_secret(server.secret_path)
    student_id, end = new_student_id(), int(time.time()) + 600
    as_student = sign_role(Bearer(student_id, STUDENT, end), secret)
    good = instructor_token(server)
    tokens = {
        "a student": identity.sign(student_id, secret),
        "a student with a role": as_student,
        "a student who writes another role": as_student.replace(STUDENT, INSTRUCTOR),
        "an instructor of another installation": sign_role(Bearer(student_id, INSTRUCTOR, end), b"x" * 32),
        "an instructor whose sign-in is over": sign_role(Bearer(student_id, INSTRUCTOR, int(time.time()) - 1), secret),
        "an instructor's token under another id": good.replace(good.split(".")[1], student_id),
        "nonsense": "v2.x",
    }
    student = new_student()
    student.watch.allow("403", "they are refused in this test")
    student.watch.allow("WebSocket connection", "so is their WebSocket")
    page = student.page
    for who, token in tokens.items():
        student.carries(token)
        for address in ADDRESSES:
            answer = page.request.get(server.url + address)
            assert answer.status == 403, f"{who} got {answer.status} from {address}"
            assert "This page is for instructors" in answer.text()
    page.context.clear_cookies()
    assert page.request.get(f"{server.url}/instructor").status == 403
    student.carries(as_student)
    page.goto(f"{server.url}/instructor")
    expect(page.get_by_role("heading", level=1)).to_have_text("This page is for instructors")
    assert all_faults(page) == []

    # An instructor's page does not open its WebSocket to anybody else, though they know its session.
    teacher = new_student()
    teacher.carries(good)
    answer = teacher.page.goto(f"{server.url}/instructor")
    assert answer is not None
    found = re.search(r'"token": ?"([^"]+)"', answer.text())
    assert found
    expect(teacher.page.get_by_role("region", name="Progress", exact=True)).to_be_visible()
    opened = """async ([url, token]) => new Promise((done) => {
      const socket = new WebSocket(url, ["bokeh", token])
      socket.onmessage = () => { socket.close(); done(true) }
      socket.onerror = () => done(false)
    })"""
    socket = server.url.replace("http", "ws") + "/instructor/ws"
    assert teacher.page.evaluate(opened, [socket, found[1]])
    assert not page.evaluate(opened, [socket, found[1]])


def test_a_sign_in_that_ends_shows_nothing_more(new_student: Callable[..., Student], server: Server) -> None:
    walk(LAB, server.ledger(new_student_id()), "act1_explore")
    browser = new_student()
    browser.watch.allow("403|not connected", "the page loses its connection, comes back, and is refused")
    teacher = Teacher(browser, LAB)
    browser.carries(instructor_token(server, seconds=15))
    teacher.opens()
    expect(teacher.count("Opened")).not_to_have_text("0")
    # The server closes the connection at the end; the page that looks for the server again is refused.
    expect(browser.page.get_by_role("heading", level=1)).to_have_text("This page is for instructors")
    expect(browser.page.get_by_text("Opened", exact=True)).to_have_count(0)


def test_the_live_view_outlives_the_pass_that_opened_it(new_student: Callable[..., Student], tmp_path: Path) -> None:
    short = (
        "import sys; from labs import cli, site; site.PASS_SECONDS = 5; sys.exit(cli.main(['serve', *sys.argv[1:]]))"
    )
    server = Server(tmp_path / "server", ("-c", short)).start()
    try:
        browser = new_student(server)
        teacher = Teacher(browser, LAB)
        teacher.opens()
        expect(teacher.count("Opened")).to_have_text("0")
        browser.page.wait_for_timeout(6000)
        new_student(server, LAB).opens()
        expect(teacher.count("Opened")).to_have_text("1")
    finally:
        server.stop()
