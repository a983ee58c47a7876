"""What counts as security surface: by the full name of what is called in Python, by patterns elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping

CODE, OBJECTS, PROGRAM, SQL = "runs text as code", "deserialises objects", "runs a program", "SQL from pieces of text"
LISTENS, CONNECTS, FILES = "listens on a network", "connects to a network", "writes or removes files"
MARKUP, CRYPTO, MEMORY = "trusts markup", "weak cryptography or no verification", "unsafe memory"
KINDS = (CODE, OBJECTS, SQL, PROGRAM, MEMORY, CRYPTO, MARKUP, LISTENS, CONNECTS, FILES)
"""In the order in which they are worth a look."""

_PYTHON = {
    CODE: r"eval|exec|runpy\.run_\w+|code\.interact|builtins\.(?:eval|exec)|types\.FunctionType"
    r"|(?:flask\.)?render_template_string",
    OBJECTS: r"(?:c?[pP]ickle|dill|cloudpickle|marshal|jsonpickle)\.(?:loads?|Unpickler|decode)|shelve\.open"
    r"|yaml\.(?:load|load_all|unsafe_load|full_load)|joblib\.load|torch\.load|pandas\.read_pickle",
    PROGRAM: r"subprocess\.(?:run|call|check_call|check_output|Popen|getoutput|getstatusoutput)|pty\.spawn"
    r"|os\.(?:system|popen|exec[lv]p?e?|spawn[lv]p?e?|posix_spawnp?|startfile)"
    r"|asyncio\.(?:subprocess\.)?create_subprocess_(?:exec|shell)|pexpect\.spawn",
    CRYPTO: r"hashlib\.(?:md5|sha1)|ssl\._create_unverified_context|ssl\._https_verify_certificates|tempfile\.mktemp"
    r"|Crypto\.Cipher\.(?:DES|ARC4|Blowfish)\.new",
    MARKUP: r"(?:django\.utils\.safestring\.)?mark_safe|(?:markupsafe\.|flask\.)?Markup"
    r"|xml\.(?:etree\.(?:Element|cElement)Tree|dom\.minidom|sax)\.(?:parse|fromstring|parseString|iterparse|XML)"
    r"|lxml\.etree\.(?:parse|fromstring|XML)",
    LISTENS: r"(?:http\.server|socketserver|wsgiref\.simple_server|xmlrpc\.server)\.\w+|asyncio\.start_(?:unix_)?server"
    r"|uvicorn\.run|socket\.create_server|waitress\.serve|\w+\.create_(?:unix_)?server",
    CONNECTS: r"urllib\.request\.(?:urlopen|urlretrieve|Request)|(?:requests|httpx)\.(?:get|post|put|patch|delete|head"
    r"|request|Session|Client|AsyncClient)|http\.client\.HTTPS?Connection|socket\.(?:create_connection|socket)"
    r"|aiohttp\.ClientSession|smtplib\.SMTP(?:_SSL)?|ftplib\.FTP(?:_TLS)?|asyncio\.open_connection|paramiko\.SSHClient"
    r"|telnetlib\.Telnet|xmlrpc\.client\.ServerProxy|websockets\.connect",
    FILES: r"shutil\.(?:rmtree|copy\w*|move|unpack_archive|chown)|os\.(?:remove|unlink|rmdir|removedirs|rename|renames"
    r"|replace|chmod|chown|symlink|link|truncate|mkfifo)|\w[\w.]*\.(?:extractall|write_text|write_bytes)",
}
WRITERS = frozenset({"extractall", "write_text", "write_bytes"})
"""Methods that are known by their names alone, whatever they are called on."""
PYTHON_CALLS: tuple[tuple[str, re.Pattern[str]], ...] = tuple((kind, re.compile(_PYTHON[kind])) for kind in _PYTHON)
PYTHON_SQL = re.compile(r"(?:\w[\w.]*\.)?(?:execute|executemany|executescript|raw|extra|RawSQL|text)")
SQL_WORDS = re.compile(
    r"^\s*(?:SELECT\b.*\bFROM|INSERT\s+INTO|UPDATE\b.*\bSET|DELETE\s+FROM|DROP\s+\w+|ALTER\s+\w+|CREATE\s+\w+|GRANT"
    r"|TRUNCATE|PRAGMA)\b",
    re.IGNORECASE | re.DOTALL,
)
"""How a statement begins, so that prose about selecting is none."""

# For a first look, one pattern that any of them needs: most files have none of it, and are not parsed.
PYTHON_HINT = re.compile(
    r"\b(?:eval|exec|compile|pickle|dill|marshal|shelve|yaml|joblib|torch|subprocess|popen|system|spawn|exec[lv]p?e?"
    r"|create_subprocess_\w+|hashlib|mktemp|_create_unverified_context|mark_safe|Markup|xml|lxml|server|socketserver"
    r"|uvicorn|socket|urllib|requests|httpx|http|aiohttp|smtplib|ftplib|shutil|os|pathlib|open|extractall|write_text"
    r"|write_bytes|execute\w*|raw|RawSQL|verify|render_template_string|runpy|start_server|create_server)\b"
)

_JS = {
    CODE: r"(?<![\w.])eval\(|\bnew\s+Function\(|\bvm\.(?:run\w+|Script)\b",
    PROGRAM: r"\bchild_process\b|(?<![\w.])(?:exec|execSync|spawn|spawnSync|execFile|execFileSync|fork)\(",
    SQL: r"\.(?:query|execute|raw)\(\s*`(?:SELECT|INSERT|UPDATE|DELETE)[^`]{0,500}\$\{",
    CRYPTO: r"createHash\(\s*['\"](?:md5|sha1)|rejectUnauthorized\s*:\s*false|NODE_TLS_REJECT_UNAUTHORIZED",
    MARKUP: r"\.(?:inner|outer)HTML\s*\+?=(?!=)|dangerouslySetInnerHTML|\bdocument\.write(?:ln)?\("
    r"|insertAdjacentHTML\(|v-html=",
    LISTENS: r"\b(?:https?|net|tls|http2)\.createServer\(|\bcreateServer\(",
    CONNECTS: r"(?<![\w.])fetch\(|\bnew\s+(?:XMLHttpRequest|WebSocket|EventSource)\b|\bhttps?\.(?:request|get)\(",
    FILES: r"\bfs(?:p|\.promises)?\.(?:write\w*|append\w*|unlink\w*|rm\w*|rename\w*|chmod\w*|createWriteStream)\(",
}
_GO = {
    PROGRAM: r"\bexec\.Command(?:Context)?\(|\bsyscall\.(?:Exec|ForkExec)\(",
    OBJECTS: r"\bgob\.NewDecoder\(",
    SQL: r"\.(?:Query|QueryRow|Exec)(?:Context)?\([^)\n]{0,200}(?:fmt\.Sprintf|\"\s*\+)",
    MEMORY: r"\bunsafe\.Pointer\b",
    CRYPTO: r"\b(?:md5|sha1)\.(?:New|Sum)\b|InsecureSkipVerify\s*:\s*true",
    MARKUP: r"\btemplate\.(?:HTML|JS|URL)\(",
    LISTENS: r"\bnet\.Listen\w*\(|\.?ListenAndServe(?:TLS)?\(",
    CONNECTS: r"\bhttp\.(?:Get|Post|Head|NewRequest\w*)\(|\bnet\.Dial\w*\(",
    FILES: r"\b(?:os|ioutil)\.(?:Create|WriteFile|OpenFile|Remove|RemoveAll|Rename|Chmod|MkdirAll)\(",
}
_RUST = {
    MEMORY: r"\bunsafe\s*(?:\{|fn\b|impl\b)|\btransmute\b",
    PROGRAM: r"\bCommand::new\(",
    SQL: r"\b(?:query|execute)\(\s*&?format!",
    LISTENS: r"\b(?:Tcp|Unix)Listener::bind\(",
    CONNECTS: r"\b(?:Tcp|Unix)Stream::connect\(|\breqwest::",
    FILES: r"\bfs::(?:write|remove_\w+|rename|set_permissions)\(|\bFile::create\(",
}
_JVM = {
    CODE: r"\bScriptEngine\b|\bGroovyShell\b|\bCSharpScript\b",
    OBJECTS: r"\bObjectInputStream\b|\.readObject\(|\bXMLDecoder\b|\b(?:BinaryFormatter|NetDataContractSerializer)\b",
    PROGRAM: r"\.exec\(|\bProcessBuilder\b|\bProcess\.Start\(",
    SQL: r"(?:execute(?:Query|Update)?|createQuery|prepareStatement|SqlCommand)\(\s*(?:\$\"|\"[^\"\n]*\"\s*\+)",
    CRYPTO: r"getInstance\(\s*\"(?:MD5|SHA-?1|DES)|\b(?:MD5|SHA1)\.Create\(|ServerCertificate\w*Callback",
    MARKUP: r"\bDocumentBuilderFactory\.newInstance|\bSAXParserFactory\.newInstance|\bHtml\.Raw\(",
    LISTENS: r"\bnew\s+(?:ServerSocket|TcpListener|HttpListener)\b|\bHttpServer\.create\(",
    CONNECTS: r"\bnew\s+(?:Socket|HttpClient|WebClient|TcpClient)\b|\.openConnection\(|\bHttpClient\.new",
    FILES: r"\bnew\s+File(?:OutputStream|Writer)\b|\bFiles\.(?:write\w*|delete\w*|move|copy)\("
    r"|\bFile\.(?:Write\w+|Delete|Move|Copy)\(",
}
_C = {
    MEMORY: r"\b(?:strcpy|strcat|sprintf|vsprintf|gets|strncpy|strncat|alloca|scanf)\s*\(",
    PROGRAM: r"(?<![\w.>])(?:system|popen|exec[lv]p?e?|posix_spawnp?)\s*\(",
    LISTENS: r"(?<![\w.>])(?:listen|bind)\s*\(",
    CONNECTS: r"(?<![\w.>])(?:connect|getaddrinfo)\s*\(",
    CRYPTO: r"\b(?:MD5|SHA1)_(?:Init|Update)\b|(?<![\w.>])s?rand\s*\(",
    FILES: r"\bfopen\s*\([^)\n]{0,200},\s*\"[wa]|(?<![\w.>])(?:unlink|remove|rename|chmod|mkstemp|tmpnam)\s*\(",
}
_RUBY = {
    CODE: r"(?<![\w.])eval[\s(]|\b(?:instance|class|module)_eval\b|\.constantize\b",
    OBJECTS: r"\bMarshal\.load\b|\bYAML\.(?:load|unsafe_load)\b",
    PROGRAM: r"(?<![\w.])(?:system|exec|spawn)[\s(]|\bOpen3\.|\bIO\.popen\b|%x[\[({]",
    SQL: r"\.(?:where|find_by_sql|execute|order)\(\s*\"[^\"\n]*#\{",
    MARKUP: r"\.html_safe\b|(?<![\w.])raw\(",
    CRYPTO: r"\bDigest::(?:MD5|SHA1)\b|VERIFY_NONE",
    LISTENS: r"\bTCPServer\b",
    CONNECTS: r"\bNet::HTTP\b|\bTCPSocket\b|\bURI\.open\b",
    FILES: r"\bFile\.(?:write|delete|rename|chmod)\b|\bFileUtils\.\w+",
}
_PHP = {
    CODE: r"(?<![\w>:])(?:eval|assert|create_function)\s*\("
    r"|(?:^|[;{}(=@!?:]|\breturn\b)[ \t]*(?:include|require)(?:_once)?\b[^;\n]{0,200}\$",
    OBJECTS: r"(?<![\w>:])(?<!function )unserialize\s*\(",
    PROGRAM: r"(?<![\w>:])(?:exec|shell_exec|system|passthru|popen|proc_open)\s*\(",
    SQL: r"(?:query|exec|prepare)\s*\(\s*\"[^\"\n]*\$",
    CRYPTO: r"(?<![\w>:])(?:md5|sha1|mt_rand|rand)\s*\(|CURLOPT_SSL_VERIFYPEER\s*(?:,|=>)\s*(?:false|0)",
    MARKUP: r"(?<!\w)echo\s+\$_(?:GET|POST|REQUEST|COOKIE)",
    CONNECTS: r"(?<![\w>:])(?:curl_init|fsockopen|stream_socket_client)\s*\(",
    LISTENS: r"(?<![\w>:])stream_socket_server\s*\(",
    FILES: r"(?<![\w>:])(?:file_put_contents|unlink|rename|move_uploaded_file|chmod|fwrite)\s*\(",
}
_ELSEWHERE: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(("javascript", "typescript", "tsx"), _JS),
    **dict.fromkeys(("java", "c-sharp"), _JVM),
    **dict.fromkeys(("c", "cpp"), _C),
    "go": _GO,
    "rust": _RUST,
    "ruby": _RUBY,
    "php": _PHP,
}
PATTERNS: Mapping[str, tuple[tuple[str, re.Pattern[str]], ...]] = {
    language: tuple((kind, re.compile(rules[kind], re.MULTILINE)) for kind in KINDS if kind in rules)
    for language, rules in _ELSEWHERE.items()
}
COMMENT = re.compile(r"^\s*(?://|\*|/\*|#(?!\[|!|include|define|if)|--)")
