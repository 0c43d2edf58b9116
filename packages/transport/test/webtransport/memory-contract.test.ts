import { testWebTransportContracts } from "./web-transport-contract.ts";

testWebTransportContracts("memory", "server");
testWebTransportContracts("memory", "client");
