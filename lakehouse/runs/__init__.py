"""What brings rows to the door: plan what is new, run the function, audit, replay."""
