# SPDX-License-Identifier: ISC
#
# Makes the report of scripts/bench, one object, of its measurements, an array. Its keys are
# described in `scripts/bench --help`; arguments: machine, rounds, seconds, sizes.

def median:
	sort |
	if length == 0 then null
	else (.[((length - 1) / 2) | floor] + .[(length / 2) | floor]) / 2
	end;

def is_own: IN("blocking", "event", "event-one", "prefork-loop", "epoll-loop", "epoll-one");

# Each once, in the order of their first coming.
def each_once: reduce .[] as $one ([]; if index([$one]) then . else . + [$one] end);

# The median of the ratios of two lists of measurements, each taken within one round.
def ratio($ours; $theirs; key):
	[$ours[] as $a | $theirs[] | select(.round == $a.round) | [($a | key), key] |
		select(.[0] != null and .[1] != null and .[1] > 0) | .[0] / .[1]] | median;

# What one server is held against by a load: the names, and the measurements of it. The best peer
# is the fastest for speed, and the one with the least CPU for CPU.
def against($server; $measured):
	def taken($name): $measured | map(select(.server == $name));
	def all_peers: $measured | map(select(.server | is_own | not)) | group_by(.server);
	def versus($name): select(taken($name) != []) |
		{against: $name, fastest: taken($name), leanest: taken($name)};
	if $server == "blocking" then versus("prefork-loop"), versus("apache")
	elif $server == "event-one" then versus("epoll-one")
	elif $server == "event" then
		versus("epoll-loop"),
		(all_peers | select(. != []) |
			{against: "best peer",
			 fastest: max_by(map(.per_s) | median),
			 leanest: min_by(map(.cpu_us) | median)} |
			.names = ([.fastest[0].server, .leanest[0].server] | unique | join(", ")))
	else empty
	end;

def ratios($server; $measured):
	($measured | map(select(.server == $server))) as $ours |
	[against($server; $measured) |
		{against, names: (.names // .against),
		 speed: ratio($ours; .fastest; .per_s), cpu: ratio($ours; .leanest; .cpu_us)}];

def sum_failed: reduce (.[] | .failed | to_entries[]) as $one ({}; .[$one.key] += $one.value);

# A peer that has failed in a later round has no row: a reason is given for it.
def rows:
	map(select(.kind == "skip") | [.load, .server]) as $skipped |
	map(select(.kind == "load" and ([.load, .server] as $pair | $skipped | index([$pair]) | not)))
		as $all |
	[$all | map(.load) | each_once | .[] as $load |
		($all | map(select(.load == $load))) as $measured |
		$measured | map(.server) | each_once | .[] as $server |
		($measured | map(select(.server == $server))) |
		{load: $load, server: $server, connections: .[0].connections, rounds: length,
		 per_s: (map(.per_s) | median), cpu_us: (map(.cpu_us) | median),
		 p99_ms: (map(.p99_ms) | median), failed: sum_failed,
		 ratios: ratios($server; $measured)}];

# ---- numbers to hold ----

def bar($what; $sign; $limit; $unit; $found):
	{what: $what, bar: ("\($sign) \($limit) \($unit)" | rtrimstr(" ")), figure: $found.figure,
	 where: $found.where,
	 met: (if $found.figure == null then null
		elif $sign == ">=" then $found.figure >= $limit
		else $found.figure <= $limit end)};

# The worst of the ratios of a server in these loads.
def worst($server; $against; key; $sign; $loads):
	[.[] | select(.server == $server) | .load as $load |
		select($loads == [] or ($loads | index([$load]))) |
		.ratios[] | select(.against == $against) | {figure: key, where: $load} |
		select(.figure != null)] |
	if . == [] then {} elif $sign == ">=" then min_by(.figure) else max_by(.figure) end;

def ratio_bar($server; $against; $name; key; $sign; $limit; $loads):
	bar("\($server) / \($against), \($name)"; $sign; $limit; "";
		worst($server; $against; key; $sign; $loads));

def speed_bars:
	def speed($server; $against; $limit; $loads):
		ratio_bar($server; $against; "echoes/s"; .speed; ">="; $limit; $loads);
	def cpu($server; $against; $limit; $loads):
		ratio_bar($server; $against; "CPU an echo"; .cpu; "<="; $limit; $loads);
	["c8", "c64", "c500"] as $usual |
	speed("blocking"; "prefork-loop"; 0.95; []), cpu("blocking"; "prefork-loop"; 1.05; []),
	speed("event"; "epoll-loop"; 0.95; []), cpu("event"; "epoll-loop"; 1.05; []),
	speed("event-one"; "epoll-one"; 0.95; []), cpu("event-one"; "epoll-one"; 1.05; []),
	speed("blocking"; "apache"; 1.3; []),
	ratio_bar("blocking"; "apache"; "connections/s"; .speed; ">="; 2; ["churn"]),
	speed("event"; "best peer"; 1.2; $usual), cpu("event"; "best peer"; 0.7; $usual);

def figure_bars($figures):
	def held($what; $limit; $unit; $name): bar($what; "<="; $limit; $unit; {figure: $figures[$name]});
	held("private memory of a worker"; 64; "KiB"; "worker_kib"),
	held("\($sizes.many_workers) workers, with kernel memory"; 800; "MiB"; "pool_mib"),
	held("ready after start, 8 workers"; 20; "ms"; "ready_few_ms"),
	held("ready after start, \($sizes.some_workers) workers"; 500; "ms"; "ready_many_ms"),
	held("a killed worker replaced"; 5; "ms"; "replaced_ms"),
	held("calls in \($sizes.idle_seconds) s, blocking, idle"; 0; ""; "idle_calls_blocking"),
	held("calls in \($sizes.idle_seconds) s, event, idle"; 0; ""; "idle_calls_event"),
	bar("echo-load / barest load, echoes/s"; ">="; 0.95; ""; {figure: $figures.instrument});

rows as $rows |
(map(select(.kind == "figure") | {(.name): .value}) | add // {}) as $measured |
(map(select(.kind == "instrument") | .with / .barest) | median) as $instrument |
($measured + if $instrument then {instrument: $instrument} else {} end) as $figures |
{
	machine: $machine, rounds: $rounds, seconds: $seconds,
	loads: $rows,
	skipped: map(select(.kind == "skip") | del(.kind)),
	memory: map(select(.kind == "memory") | del(.kind)),
	figures: $figures,
	bars: [($rows | speed_bars), figure_bars($figures)],
	notes: map(select(.kind == "note") | .note)
}
