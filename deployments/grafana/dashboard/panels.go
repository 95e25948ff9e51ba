package main

// Labels by which the reader chooses.
const (
	job            = `job=~"$job"`
	cloud          = job + `, cloud=~"$cloud"`
	cloudOperation = cloud + `, operation=~"$operation"`
	operation      = job + `, operation=~"$operation"`
)

// failed counts what did not succeed.
const failed = `imsworker_request_failures_total{` + cloudOperation + `}`

// rows is all that the dashboard shows, from what a person asks first to what
// only explains. Each replica shows its own part: counts are added up, states
// are their maximum.
func rows() []section {
	return []section{
		{"Now", now()},
		{"What runs, what waits and why", waiting()},
		{"What did not succeed", failures()},
		{"How long it takes", durations()},
		{"The cloud", calls()},
		{"Worker and broker", inside()},
	}
}

func now() []panel {
	return []panel{
		counting("Not succeeded, 15 min", `sum(max by (job, cloud, operation) (imsworker_requests_not_succeeded_recent{`+cloudOperation+`}))`, true,
			"Requests that failed, were rejected or became unresolved. `imsworker requests ls --state not-succeeded` lists them."),
		counting("Unresolved", `sum(max by (job, cloud, operation) (imsworker_requests_unresolved{`+cloudOperation+`}))`, true,
			"A person has to say what became of them: `imsworker requests ls --state unresolved`."),
		counting("Late", `sum(max by (job, cloud, operation) (imsworker_requests_late{`+cloudOperation+`}))`, true, "Behind their deadline and not ended."),
		counting("Dead letters", `sum(max by (job) (imsworker_dead_letters{`+job+`}))`, true, "Messages that could not become requests: `imsworker dead ls`."),
		counting("Waiting", `sum(imsworker_requests_in_flight{`+cloudOperation+`, state=~"accepted|parked"}) - (sum(imsworker_requests_put_off{`+cloudOperation+`}) or vector(0))`, false,
			"Not submitted yet. What its publisher has put off (not_before) does not count."),
		counting("Running", `sum(imsworker_requests_in_flight{`+cloudOperation+`, state!~"accepted|parked"})`, false, "Submitted to the cloud, or about to be."),
		counting("Workers", `count(imsworker_build_info{`+job+`})`, false, "Replicas that are scraped."),
		counting("Shards without an owner", `sum(max by (job) (imsworker_shards{`+job+`}) - sum by (job) (imsworker_shards_owned{`+job+`}))`, true, "Their clouds are worked by nobody. A moment of it is normal when a worker stops."),
	}
}

func counting(title, expr string, bad bool, description string) panel {
	return panel{kind: stat, title: title, description: description, unit: "short", width: 3, bad: bad, queries: []query{{expr + " or vector(0)", ""}}}
}

func waiting() []panel {
	return []panel{
		{kind: graph, title: "Requests in flight, by state", unit: "short", width: 12, stacked: true,
			description: "accepted waits for its turn, parked for quota or an image, uncertain looks for what a lost answer made.",
			queries:     []query{{`sum by (state) (imsworker_requests_in_flight{` + cloudOperation + `})`, "{{state}}"}}},
		{kind: graph, title: "Waiting, by cloud", unit: "short", width: 12, stacked: true,
			description: "Not submitted yet. Compare with the budgets on the right below: a full one is why. Put off: their publisher has named a later time (not_before).",
			queries: []query{
				{`sum by (cloud) (imsworker_requests_in_flight{` + cloudOperation + `, state=~"accepted|parked"}) - (sum by (cloud) (imsworker_requests_put_off{` + cloudOperation +
					`}) or 0 * sum by (cloud) (imsworker_requests_in_flight{` + cloudOperation + `}))`, "{{cloud}}"},
				{`sum by (cloud) (imsworker_requests_put_off{` + cloudOperation + `})`, "{{cloud}}, put off"},
			}},
		{kind: graph, title: "Age of the oldest request, by state", unit: "s", width: 8,
			description: "How long the oldest has been in its state.",
			queries:     []query{{`max by (state) (imsworker_request_oldest_age_seconds{` + cloudOperation + `})`, "{{state}}"}}},
		{kind: graph, title: "Budgets used", unit: "percentunit", width: 8,
			description: "Share of the account's limits that was used in the window before. At 100 % requests wait their turn: `imsworker limits`.",
			queries:     []query{{`max by (cloud, bucket) (imsworker_api_budget_used{` + cloud + `} / imsworker_api_budget_limit{` + cloud + `})`, "{{cloud}} {{bucket}}"}}},
		{kind: graph, title: "Paused", unit: "short", width: 8,
			description: "1 while nothing new is submitted: a person has paused it (`imsworker resume`), or the cloud refuses the credentials.",
			queries: []query{
				{`max by (cloud, operation) (imsworker_paused{` + cloud + `, operation=~"$operation|all"})`, "{{cloud}} {{operation}}"},
				{`max by (cloud) (imsworker_credentials_refused{` + cloud + `})`, "{{cloud}} credentials refused"},
			}},
		{kind: graph, title: "Messages that no worker has taken in", unit: "short", width: 8,
			description: "Short of a restart this is near 0: workers take messages in at once, whatever waits then.",
			queries:     []query{{`max by (job) (imsworker_queue_messages{` + job + `})`, "{{job}}"}}},
		{kind: graph, title: "From acceptance to submission", unit: "s", width: 8,
			description: "What the account's limits cost, over the last hour.", queries: quantiles("request_wait_seconds")},
		{kind: bars, title: "Received", unit: "short", width: 8, stacked: true,
			description: "duplicate: sent before, nothing was done. dead: put aside.",
			queries:     []query{{`sum by (result) (increase(imsworker_requests_total{` + cloudOperation + `}[$__rate_interval]))`, "{{result}}"}}},
	}
}

func failures() []panel {
	return []panel{
		{kind: bars, title: "Ends", unit: "short", width: 12, stacked: true,
			description: "How requests ended.",
			queries:     []query{{`sum by (state) (increase(imsworker_requests_finished_total{` + cloudOperation + `}[$__rate_interval]))`, "{{state}}"}}},
		{kind: table, title: "Reasons of what did not succeed", unit: "short", width: 12,
			description: "In the time shown. `imsworker requests ls --history --reason REASON` lists the requests.",
			// A reason's first failure begins its series at 1, which increase does not see. What a restart has taken back to less is
			// counted from there.
			queries: []query{{`round(sum by (cloud, operation, reason) ((` + failed + ` - (` + failed + ` offset $__range or 0 * ` + failed + `) >= 0) or ` + failed + `)) > 0`, ""}}},
		{kind: bars, title: "Lost answers", unit: "short", width: 12,
			description: "Submissions whose answer was lost, those of them whose image was found, and further images of one request.",
			queries: []query{
				{`sum(increase(imsworker_submissions_uncertain_total{` + cloudOperation + `}[$__rate_interval]))`, "uncertain"},
				{`sum(increase(imsworker_submissions_adopted_total{` + cloudOperation + `}[$__rate_interval]))`, "found"},
				{`sum(increase(imsworker_duplicates_found_total{` + cloudOperation + `}[$__rate_interval]))`, "duplicate images"},
			}},
		{kind: bars, title: "Dead letters, by reason", unit: "short", width: 12,
			description: "`imsworker dead ls` says every problem.",
			queries:     []query{{`sum by (reason) (increase(imsworker_dead_letters_total{` + job + `}[$__rate_interval]))`, "{{reason}}"}}},
	}
}

func durations() []panel {
	return []panel{
		{kind: graph, title: "Jobs", unit: "s", width: 8, description: "From submission to the end, over the last hour.", queries: quantiles("job_duration_seconds")},
		{kind: graph, title: "The whole way", unit: "s", width: 8, description: "From acceptance to the final event, over the last hour.", queries: quantiles("request_end_to_end_seconds")},
		{kind: graph, title: "How late an end is noticed", unit: "s", width: 8,
			description: "From the cloud's end of a job to the final event. The bound is 3 % of the duration, at least 2 s and at most 60 s. Over the last hour.",
			queries:     quantiles("detection_delay_seconds")},
	}
}

// hour is how far back what is rare is looked at: image jobs are tens an hour.
const hour = "[1h]"

// quantiles are the median and the 95th percentile of a histogram, over an hour.
func quantiles(metric string) []query {
	rate := `sum by (le, operation) (rate(imsworker_` + metric + `_bucket{` + operation + `}` + hour + `))`
	return []query{
		{`histogram_quantile(0.5, ` + rate + `)`, "{{operation}}, median"},
		{`histogram_quantile(0.95, ` + rate + `)`, "{{operation}}, 95 %"},
	}
}

func calls() []panel {
	return []panel{
		{kind: graph, title: "Calls", unit: "reqps", width: 8, stacked: true, description: "To the cloud, by the client's method.",
			queries: []query{{`sum by (call) (rate(imsworker_api_calls_total{` + cloud + `}[$__rate_interval]))`, "{{call}}"}}},
		{kind: graph, title: "Answers other than 2xx", unit: "reqps", width: 8, stacked: true,
			description: "HTTP status or the cloud's code: `imsworker explain CODE` says what it means and what the worker does with it.",
			queries:     []query{{`sum by (cloud, code) (rate(imsworker_api_calls_total{` + cloud + `, code!~"2.."}[$__rate_interval]))`, "{{cloud}} {{code}}"}}},
		{kind: bars, title: "Refused for coming too fast", unit: "short", width: 8,
			description: "Others use the account as well, or its limits are lower than configured.",
			queries:     []query{{`sum by (cloud, bucket) (increase(imsworker_api_throttled_total{` + cloud + `}[$__rate_interval]))`, "{{cloud}} {{bucket}}"}}},
		{kind: graph, title: "How long calls take, 95 %", unit: "s", width: 8, description: "By the client's method.",
			queries: []query{{`histogram_quantile(0.95, sum by (le, call) (rate(imsworker_api_call_duration_seconds_bucket{` + job + `}[$__rate_interval])))`, "{{call}}"}}},
		{kind: graph, title: "Questions for each job", unit: "short", width: 8, description: "Status queries per finished request. List pages count as calls, not here. Over the last hour.",
			queries: []query{{`sum by (operation) (rate(imsworker_job_polls_sum{` + operation + `}` + hour + `)) / sum by (operation) (rate(imsworker_job_polls_count{` + operation + `}` + hour + `))`, "{{operation}}"}}},
		{kind: graph, title: "Silence of the cloud", unit: "s", width: 8, description: "How long no question about a job has been answered although one was due.",
			queries: []query{{`max by (cloud) (imsworker_cloud_silent_seconds{` + cloud + `})`, "{{cloud}}"}}},
	}
}

func inside() []panel {
	return []panel{
		{kind: graph, title: "Broker", unit: "short", width: 8, description: "0 while a replica does not reach the broker, or the broker carries out no request.",
			queries: []query{
				{`min by (instance) (imsworker_broker_connected{` + job + `})`, "{{instance}} connected"},
				{`min by (instance) (imsworker_broker_working{` + job + `})`, "{{instance}} working"},
			}},
		{kind: graph, title: "Shards, by replica", unit: "short", width: 8, stacked: true, description: "Whose work is whose.",
			queries: []query{{`sum by (instance) (imsworker_shards_owned{` + job + `})`, "{{instance}}"}}},
		{kind: bars, title: "Take-overs and reconnects", unit: "short", width: 8, description: "Shards taken from a replica that died, and connections lost.",
			queries: []query{
				{`sum(increase(imsworker_shard_takeovers_total{` + job + `}[$__rate_interval]))`, "take-overs"},
				{`sum(increase(imsworker_broker_reconnects_total{` + job + `}[$__rate_interval]))`, "reconnects"},
			}},
		{kind: graph, title: "Events", unit: "reqps", width: 6, stacked: true, description: "What was told, by state.",
			queries: []query{{`sum by (state) (rate(imsworker_events_published_total{` + job + `}[$__rate_interval]))`, "{{state}}"}}},
		{kind: bars, title: "Notices of what did not succeed", unit: "short", width: 6, stacked: true,
			description: "Posts to NOTIFY_URL, where it is set. failed: the receiver is away or ails, they wait. refused: for something in the notice. given up: refused too often.",
			queries: []query{
				{`sum by (result) (increase(imsworker_notifications_total{` + job + `}[$__rate_interval]))`, "{{result}}"},
				{`sum(increase(imsworker_notifications_given_up_total{` + job + `}[$__rate_interval]))`, "given up"},
			}},
		{kind: bars, title: "Backup notices", unit: "short", width: 6, stacked: true, description: "What became of them.",
			queries: []query{{`sum by (result) (increase(imsworker_backup_notices_total{` + cloud + `}[$__rate_interval]))`, "{{result}}"}}},
		{kind: graph, title: "Until a token ends", unit: "s", width: 6, description: "It is renewed before; near 0 the renewal fails.",
			queries: []query{{`min by (cloud) (imsworker_credential_expiry_timestamp_seconds{` + cloud + `}) - time()`, "{{cloud}}"}}},
		{kind: graph, title: "Memory", unit: "bytes", width: 8, description: "Of each replica, as the system counts it.",
			queries: []query{{`process_resident_memory_bytes{` + job + `}`, "{{instance}}"}}},
		{kind: graph, title: "Processor", unit: "percentunit", width: 8, description: "Of each replica; 100 % is one core.",
			queries: []query{{`rate(process_cpu_seconds_total{` + job + `}[$__rate_interval])`, "{{instance}}"}}},
		{kind: graph, title: "Records without a timer", unit: "short", width: 8, description: "A mistake of the worker: report it.",
			queries: []query{{`sum(imsworker_records_without_timer{` + job + `})`, "records"}}},
	}
}
