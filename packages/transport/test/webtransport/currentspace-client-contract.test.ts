import { testWebTransportContracts } from "./web-transport-contract.ts";

testWebTransportContracts("currentspace", "client");
