"""The login page, where a person enters the token."""

from __future__ import annotations

from html import escape
from string import Template

_PAGE = Template("""<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>镇街综合数据平台</title>
<style>
body { font: 18px/1.6 sans-serif; max-width: 34em; margin: 4em auto; padding: 0 1em }
input, button { font: inherit; padding: .3em .6em }
input { width: 20em }
.problem { color: #b00020 }
</style></head><body>
<h1>镇街综合数据平台：Dagster</h1>
<p class="problem">$problem</p>
<p>请用启动 <code>zhenjie dev</code> 时显示的网址打开本页，或在这里输入令牌。</p>
<form method="post" action="$action"><label>令牌 <input type="password" name="$name" autofocus></label>
<button type="submit">进入</button></form>
</body></html>
""")


def login_page(action: str, name: str, problem: str = "") -> str:
    """The page that asks for the token.

    Args:
        action: the path that the form is sent to.
        name: the name of its field.
        problem: the message about a wrong token, if one was entered.
    """
    return _PAGE.substitute(action=escape(action), name=escape(name), problem=escape(problem))
