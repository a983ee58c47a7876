"""Reports of the JVM name classes: tests and frames get the files that these are in, and only the repository's."""

from fanfold.runners.base import Reading, Task
from fanfold.runners.jvm_sources import placed
from fanfold.runners.results.attempts import attempt
from fanfold.runners.results.place import Place
from fanfold.suites import Case, Environment, Suite, TestVerdict

TRACE = """\
java.lang.AssertionError: expected:<3> but was:<-1>
	at org.junit.Assert.fail(Assert.java:89)
	at a.b.Sum.of(Sum.java:7)
	at java.base/java.lang.reflect.Method.invoke(Method.java:569)
	at a.b.SumTest$Inner.adds(SumTest.java:4)
"""


def made(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("")
    return Task(Suite(name="s", framework="maven", folder="app"), Environment(), root, root)


def read(task, name="a.b.SumTest$Inner::adds"):
    told = attempt(TestVerdict.FAILED, Place(task.root, "app"), trace=TRACE)
    (case,) = placed(Reading((Case(name=name, attempts=(told,)),)), task).cases
    return case.file, [(frame.path, frame.line, frame.function) for frame in case.attempts[0].frames]


def test_classes_have_files_and_what_is_elsewhere_is_left_out(tmp_path):
    """By the package, also of an inner class; what was built does not count."""
    task = made(tmp_path, "app/src/main/java/a/b/Sum.java", "app/src/test/java/a/b/SumTest.java")
    made(tmp_path, "app/src/test/java/other/SumTest.java", "app/target/gen/a/b/Sum.java")
    assert read(task) == (
        "app/src/test/java/a/b/SumTest.java",
        [("app/src/test/java/a/b/SumTest.java", 4, "adds"), ("app/src/main/java/a/b/Sum.java", 7, "of")],
    )


def test_a_class_that_is_in_two_modules_has_no_file(tmp_path):
    """Nobody can say which; a report that names a file keeps it."""
    task = made(tmp_path, "app/one/a/b/SumTest.java", "app/two/a/b/SumTest.java")
    assert read(task) == ("", [])
    case = Case(name="a.b.SumTest::adds", file="x.java")
    assert placed(Reading((case,)), task).cases == (case,)


def test_kotlin_may_lie_elsewhere_than_its_package(tmp_path):
    """Where only one file has the name."""
    task = made(tmp_path, "app/src/test/kotlin/SumTest.kt")
    assert read(task, "a.b.SumTest::adds")[0] == "app/src/test/kotlin/SumTest.kt"
