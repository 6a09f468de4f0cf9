# SPDX-License-Identifier: ISC
#
# Prints the report of scripts/bench (report.jq) as text of at most 100 columns.

def spaces($count): if $count > 0 then " " * $count else "" end;
def left($width): tostring | . + spaces($width - length);
def right($width): tostring | spaces($width - length) + .;

# With so many digits after the point; "-" for what there is not.
def fixed($digits):
	if . == null then "-"
	else
		(. * pow(10; $digits) | round | tostring) |
		if $digits == 0 then .
		else
			("0" * ($digits + 1 - length) // "") + . |
			.[:-$digits] + "." + .[-$digits:]
		end
	end;

def unbroken: gsub(" +$"; "");

def failures:
	if .failed == {} then "" else "LOST: " + (.failed | to_entries |
		map("\(.key) \(.value)") | join(", "))[:40] end;

def title:
	if .load == "16k" then "16 KiB, c=8"
	elif .load == "stream" then "stream, MiB"
	elif .load == "churn" then "churn, c=8"
	else "64 B, c=\(.connections)"
	end;

def line($load; $server; $per_s; $cpu; $p99; $against; $speed; $ratio):
	([($load | left(12)), ($server | left(12)), ($per_s | right(9)), ($cpu | right(9)),
	  ($p99 | right(9)), ($against | " " + left(28)), ($speed | right(6)), ($ratio | right(6))] |
		join(" ")) | unbroken;

def ratio_line($first):
	$first + [(if .against == .names then .against else "\(.against): \(.names)" end),
		(.speed | fixed(2)), (.cpu | fixed(2))] |
	line(.[0]; .[1]; .[2]; .[3]; .[4]; .[5]; .[6]; .[7]);

def row($title):
	[$title, .server, (.per_s | fixed(0)), (.cpu_us | fixed(2)), (.p99_ms | fixed(3))] as $first |
	failures as $failures |
	if .ratios == [] then line($first[0]; $first[1]; $first[2]; $first[3]; $first[4]; $failures; ""; "")
	else
		(.ratios[0] | ratio_line($first)),
		(.ratios[1:][] | ratio_line(["", "", "", "", ""])),
		(select($failures != "") | line(""; ""; ""; ""; ""; $failures; ""; ""))
	end;

def load_table:
	line("load"; "server"; "each s"; "CPU us"; "p99 ms"; "against"; "speed"; "CPU"),
	(. as $rows | range(length) as $i | $rows[$i] |
		row(if $i > 0 and $rows[$i - 1].load == .load then "" else title end));

def memory_line($cells):
	[($cells[0] | left(14)), ($cells[1:][] | right(14))] | join(" ") | unbroken;

def memory_table:
	"private memory, KiB",
	memory_line(["server", "connections", "processes", "at rest", "with them", "a connection"]),
	(.[] | memory_line([.server, .connections, .processes, .rest_kib, .with_kib,
		(.with_kib / .connections | fixed(2))]));

def bar_line:
	(if .figure != null and .figure == (.figure | floor) then 0 else 2 end) as $digits |
	[(.what | left(44)), (.bar | right(12)), (.figure | fixed($digits) | right(10)),
	 " ", (if .met == null then "not measured" elif .met then "met" else "not met" end),
	 (if .where then "(worst: \(.where))" else "" end)] | join(" ") | unbroken;

def block(lines): [lines] | if length > 1 then .[], "" else empty end;

"\(.machine[:80]); \(.rounds) x \(.seconds) s",
"",
block(select(.loads != []) | .loads | load_table),
block(select(.memory != []) | .memory | memory_table),
block("numbers to hold", (.bars[] | bar_line)),
(.skipped[] | "- not measured: \(.load) with \(.server): \(.reason)"),
(.notes[] | "- \(.)")
