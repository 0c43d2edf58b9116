import { requireSoftware } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { interopListener, outputOf } from "./interop-listener.ts";

const program = `
import http.client, json, ssl, sys
port, ca = int(sys.argv[1]), sys.argv[2]
def connect():
    if ca == "":
        return http.client.HTTPConnection("localhost", port, timeout=10)
    context = ssl.create_default_context(cafile=ca)
    return http.client.HTTPSConnection("localhost", port, timeout=10, context=context)
connection = connect()
seen = []
for path in ["/a?b=c", "/nothing", "/trailers", "/large?100000"]:
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    seen.append([response.status, len(body)])
connection.request("POST", "/echo", body=iter([b"a" * 1000] * 100), encode_chunked=True,
                   headers={"Transfer-Encoding": "chunked"})
seen.append([connection.getresponse().read() == b"a" * 100000])
connection.request("HEAD", "/a")
response = connection.getresponse()
seen.append([response.status, len(response.read())])
connection.request("PUT", "/a", body=b"unread")
response = connection.getresponse()
seen.append([json.loads(response.read())["method"]])
connection.close()
half = connect()
half.putrequest("POST", "/echo")
half.putheader("Content-Length", "10")
half.endheaders()
half.send(b"12345")
half.sock.close()
again = connect()
again.request("GET", "/a")
seen.append([again.getresponse().status])
print(json.dumps(seen))
`;

test.for([
  ["cleartext", false],
  ["TLS", true],
] as const)("python's http.client is served over %s", async ([, isSecure], context) => {
  const command = requireSoftware("python", context);
  await using place = await interopListener({ isSecure, onHandlerError: () => undefined });
  const ca = isSecure ? place.folder.join("ca.pem") : "";
  const { stdout } = await outputOf(command, ["-c", program, String(place.port), ca]);
  const seen = JSON.parse(stdout);
  expect(seen.slice(1)).toEqual([
    [204, 0],
    [200, 6],
    [200, 100_000],
    [true],
    [200, 0],
    ["PUT"],
    [200],
  ]);
  expect(seen[0][0]).toBe(200);
  expect(place.listener.stats().sessionsAccepted).toBe(3);
});
