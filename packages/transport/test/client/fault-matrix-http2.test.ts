import { testFaultMatrix } from "./fault-matrix.ts";

testFaultMatrix("HTTP/2");
