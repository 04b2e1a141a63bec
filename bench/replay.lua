-- Asks for the paths of a file, one a line, over and over, and tells what came back as JSON.
local paths = {}
for line in io.lines(os.getenv("WSI_BENCH_PATHS")) do
  paths[#paths + 1] = line
end

local asked = 0

request = function()
  asked = asked + 1
  return wrk.format("GET", paths[(asked - 1) % #paths + 1])
end

done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'JSON{"requests":%d,"microseconds":%d,"bytes":%d,"p50":%f,"p99":%f,"errors":%d}\n',
    summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(99),
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
