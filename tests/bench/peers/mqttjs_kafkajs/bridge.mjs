// The course's MQTT connector, written anew: MQTT.js without an option hands each message to kafkajs and waits for
// nothing. node bridge.mjs '{"mqtt_port": 1884, ...}'
import { Kafka, logLevel } from "kafkajs";
import mqtt from "mqtt";

const told = JSON.parse(process.argv[2]);
const producer = new Kafka({ clientId: told.client_id, brokers: [told.kafka], logLevel: logLevel.ERROR }).producer();
await producer.connect();
const client = mqtt.connect(`mqtt://127.0.0.1:${told.mqtt_port}`);
client.on("connect", () => client.subscribe(told.mqtt_topic));
client.on("message", (_topic, payload) => {
  producer.send({ topic: told.kafka_topic, messages: [{ key: "1", value: payload.toString() }] });
});
