"""What the gallery's page asks the kernel for and when it shows itself, with a model that the test plays."""

from __future__ import annotations

from harness._gallery import SIDE, STATE, rows_message, settled, tile_message


def test_it_says_hello_and_asks_for_what_is_in_view(fake_model):
    """The first message is hello, with a guess of what will be seen; then one asks for what is seen, and no more."""
    fake = fake_model("gallery", STATE)
    fake.receive(*rows_message(list(range(5000))))
    fake.page.wait_for_function("widget.model.sent.length > 1")
    fake.page.wait_for_timeout(400)
    hello, *others = fake.sent()
    shown = int(fake.page.locator(".samframe-gallery").get_attribute("data-shown"))

    assert (hello["kind"], hello["size"]) == ("hello", SIDE)
    assert shown <= hello["guess"] <= 2 * shown
    assert [message["kind"] for message in others] == ["tiles"]
    assert (others[0]["ids"], others[0]["size"]) == (list(range(shown)), SIDE)


def test_what_is_on_its_way_is_not_asked_for(fake_model):
    """Tiles that come with the rows are waited for; when all in view are there, the page says so once."""
    fake = fake_model("gallery", STATE)
    content, buffers = rows_message([0, 1, 2])
    fake.receive(content | {"coming": 3}, buffers)
    fake.receive(*tile_message([0, 1, 2]))
    settled(fake.page)
    fake.page.wait_for_timeout(300)
    fake.set(opacity=0.5)
    settled(fake.page)

    assert [message["kind"] for message in fake.sent()] == ["hello", "painted"]


def test_what_is_the_same_for_all_rows_is_not_sent(fake_model):
    """Rows as they are in the frame, in one colour, without marks, come as their number; a mark then stays."""
    fake = fake_model("gallery", STATE)
    content, _ = rows_message([])
    fake.receive(content | {"n": 3, "rows": 3, "coming": 3}, [b"", b"", b""])
    fake.receive(*tile_message([0, 1, 2]))
    settled(fake.page)
    fake.page.locator(".samframe-gallery").focus()
    for key in ("ArrowRight", "ArrowRight", "r"):
        fake.page.keyboard.press(key)
    settled(fake.page)

    assert fake.page.locator(".samframe-gallery").get_attribute("data-shown") == "3"
    assert {"kind": "mark", "ids": [1], "mark": 2} in fake.sent()


def test_the_next_line_is_asked_for_when_all_is_quiet(fake_model):
    """What comes next is fetched once what is seen has been painted for a while."""
    fake = fake_model("gallery", STATE)
    fake.receive(*rows_message(list(range(500))))
    fake.page.wait_for_function("widget.model.sent.length > 1")
    seen = fake.sent()[1]["ids"]
    fake.receive(*tile_message(seen))
    fake.page.wait_for_function(
        "widget.model.sent.filter((one) => one.data.content?.kind === 'tiles').length > 1"
    )
    ahead = [message for message in fake.sent() if message.get("kind") == "tiles"][1]["ids"]

    assert ahead == list(range(len(seen), len(seen) + len(ahead)))
    assert 0 < len(ahead) <= len(seen)


def test_stays_hidden_until_a_kernel_answers(fake_model, chromium_page):
    """Without an answer there is no empty gallery; the snapshot stays. With one, the snapshot goes."""
    fake = fake_model("gallery", STATE)
    chromium_page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<p class=\"samframe-snapshot-u1\">still</p>')"
    )
    assert not chromium_page.locator(".samframe-gallery").is_visible()
    assert chromium_page.get_by_text("still").is_visible()

    fake.receive(*rows_message([0]))
    assert chromium_page.locator(".samframe-gallery").is_visible()
    assert not chromium_page.get_by_text("still").is_visible()


def test_a_snapshot_that_comes_later_is_hidden_too(fake_model, chromium_page):
    """The snapshot may reach the page after the first rows: in JupyterLab its whole output is hidden, no other."""
    fake = fake_model("gallery", STATE)
    fake.receive(*rows_message([0]))
    chromium_page.evaluate(
        """document.body.insertAdjacentHTML('beforeend', `
        <div class="jp-OutputArea-child" id="late"><b>prompt</b><p class="samframe-snapshot-u1">still</p></div>
        <div class="jp-OutputArea-child" id="other"><p class="samframe-snapshot-u2">another</p></div>`)"""
    )

    assert not chromium_page.locator("#late").is_visible()
    assert chromium_page.locator("#other").is_visible()


def test_the_first_view_is_not_waited_for_without_end(fake_model):
    """Where tiles do not come the page says after some seconds that it is painted: the controls hang on it."""
    fake = fake_model("gallery", STATE)
    content, buffers = rows_message([0, 1])
    fake.receive(content | {"coming": 2}, buffers)
    fake.page.wait_for_function("widget.model.sent.length > 1", timeout=60_000)

    assert fake.sent()[1] == {"kind": "painted"}


def sizes_asked(fake):
    return [message["size"] for message in fake.sent() if message.get("kind") == "tiles"]


def test_a_slider_on_the_move_asks_for_nothing(fake_model, chromium_page):
    """Sizes in between are painted with the tiles that are there; the kernel hears of the last one, once."""
    fake = fake_model("gallery", STATE)
    content, buffers = rows_message([0, 1, 2])
    fake.receive(content | {"coming": 3}, buffers)
    fake.receive(*tile_message([0, 1, 2]))
    settled(chromium_page)
    while_moving = chromium_page.evaluate(
        """async () => {
            for (let tile = 102; tile <= 140; tile += 2) {
                widget.model.take([{ data: { method: "update", state: { tile } }, buffers: [] }]);
                await new Promise(requestAnimationFrame);
            }
            return widget.model.sent.filter((one) => one.data.content?.kind === "tiles").length;
        }"""
    )
    chromium_page.wait_for_function(
        "widget.model.sent.some((one) => one.data.content?.kind === 'tiles')", timeout=10_000
    )
    fake.page.wait_for_timeout(400)

    assert while_moving == 0
    assert sizes_asked(fake) == [140]


def test_answers_of_an_older_size_are_not_painted(fake_model, chromium_page):
    """Tiles asked for before the slider moved are passed over; those of the size that is asked for come in."""
    fake = fake_model("gallery", STATE)
    fake.receive(*rows_message([0, 1, 2]))
    chromium_page.wait_for_function("widget.model.sent.length > 1")
    fake.set(tile=140)
    chromium_page.wait_for_function(
        "widget.model.sent.some((one) => one.data.content?.kind === 'tiles' && one.data.content.size === 140)"
    )
    content, buffers = tile_message([0, 1, 2])
    fake.receive(content | {"size": SIDE}, buffers)
    chromium_page.wait_for_timeout(300)
    pending = chromium_page.locator(".samframe-gallery").get_attribute("data-pending")
    fake.receive(content | {"size": 140}, buffers)
    settled(chromium_page)

    assert pending == "3"


def test_another_views_hello_does_not_move_this_one(fake_model, chromium_page):
    """Rows that answer another view's hello are passed over: a view stays where it was scrolled to."""
    fake = fake_model("gallery", STATE)
    fake.receive(*rows_message(list(range(500))))
    scroller = chromium_page.locator(".sf-scroll")
    scroller.evaluate("(element) => { element.scrollTop = 900 }")
    content, buffers = rows_message(list(range(500)))
    fake.receive(content | {"view": "another"}, buffers)
    kept = scroller.evaluate("(element) => element.scrollTop")
    fake.receive(content | {"palette": ["#ff0000"]}, buffers)
    recoloured = scroller.evaluate("(element) => element.scrollTop")
    fake.receive(*rows_message(list(range(400))))

    assert (kept, recoloured) == (900, 900)
    assert scroller.evaluate("(element) => element.scrollTop") == 0
    assert fake.sent()[0]["view"]
